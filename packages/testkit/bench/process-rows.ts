import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'
import { endChild, rss, startScript } from './measure.ts'
import type { Row } from './table.ts'

/** Until start-up garbage is collected and timers have settled. Milliseconds. */
const IDLE_MS = 10_000

const MEBIBYTE = 1024 * 1024

/** The node doing nothing, beside a process that only imports the same libraries. */
export async function processRows(): Promise<Row[]> {
  const bareStarted = performance.now()
  const bare = await startScript(fileURLToPath(import.meta.resolve('./bare-imports.ts')))
  const bareReady = performance.now() - bareStarted
  const started = performance.now()
  await using node = await StarlingProcess.start({
    flags: [...PRIVATE_FLAGS, '--p2p-listen', '/ip4/127.0.0.1/tcp/0', '--mdns', 'off'],
  })
  const ready = performance.now() - started
  await sleep(IDLE_MS)
  const rows: Row[] = [
    {
      what: 'idle memory (RSS)',
      unit: 'MiB',
      node: rss(node.pid) / MEBIBYTE,
      floor: rss(bare.child.pid ?? 0) / MEBIBYTE,
      aim: '≤ 1.3×',
    },
    { what: 'first start until it serves', unit: 'ms', node: ready, floor: bareReady },
  ]
  await node.stop()
  const restarted = performance.now()
  await node.start()
  rows.push({ what: 'later start until it serves', unit: 'ms', node: performance.now() - restarted, floor: bareReady })
  await endChild(bare.child)
  return rows
}
