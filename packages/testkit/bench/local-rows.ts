import { fileURLToPath } from 'node:url'
import { PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'
import { call, cpuMs, endChild, percentile, startScript, throughput, timed } from './measure.ts'
import type { Row } from './table.ts'

const WARM_UP = 300
const SENDS = 1_000
const CONCURRENT_SENDS = 4_000
/** Clients sending at once. */
const WIDTH = 32
const WAKES = 200
const ROOMS = 100

const message = (n: number) => ({
  msgtype: 'm.text',
  body: `message number ${n}, of about the length that people write`,
})

interface Target {
  readonly pid: number
  send(n: number): Promise<unknown>
}

interface SendFigures {
  readonly p50: number
  readonly p99: number
  readonly perSecond: number
  readonly cpuPerEvent: number
}

/** One node, clients on the same machine. */
export async function localRows(): Promise<Row[]> {
  const floor = await floorFigures()
  await using node = await StarlingProcess.start({
    flags: [
      ...PRIVATE_FLAGS,
      '--p2p-listen',
      '/ip4/127.0.0.1/tcp/0',
      '--mdns',
      'off',
      '--rate-limits',
      'off',
      '--log-level',
      'warn',
    ],
  })
  const { baseUrl, accessToken } = node.ownerSession()
  const api = `${baseUrl}/_matrix/client/v3`
  const roomId = String((await call('POST', `${api}/createRoom`, {}, accessToken)).body.room_id)
  const sendUrl = `${api}/rooms/${encodeURIComponent(roomId)}/send/m.room.message`
  const figures = await sendFigures({
    pid: node.pid,
    send: (n) => call('PUT', `${sendUrl}/t${n}`, message(n), accessToken),
  })
  const wakes = await syncWakes(api, sendUrl, accessToken, node.ownerSession().accessToken)
  const initial = await initialSync(api, accessToken)
  return [
    { what: 'send, p50', unit: 'ms', node: figures.p50, floor: floor.p50, aim: '≤ 3×' },
    { what: 'send, p99', unit: 'ms', node: figures.p99, floor: floor.p99 },
    {
      what: `durable sends, ${WIDTH} at once`,
      unit: '/s',
      node: figures.perSecond,
      floor: floor.perSecond,
      aim: '≥ 0.33×',
    },
    { what: 'CPU per event', unit: 'ms', node: figures.cpuPerEvent, floor: floor.cpuPerEvent },
    { what: "send → another client's /sync, p50", unit: 'ms', node: percentile(wakes, 0.5), floor: floor.p50 },
    { what: `initial sync of ${ROOMS} rooms, p50`, unit: 'ms', node: initial },
  ]
}

async function floorFigures(): Promise<SendFigures> {
  const { child, hello } = await startScript(fileURLToPath(import.meta.resolve('./floor-server.ts')))
  try {
    return await sendFigures({ pid: child.pid ?? 0, send: (n) => call('PUT', `${hello.url}/send/t${n}`, message(n)) })
  } finally {
    await endChild(child)
  }
}

async function sendFigures(target: Target): Promise<SendFigures> {
  let n = 0
  for (let i = 0; i < WARM_UP; i++) await target.send(n++)
  const times: number[] = []
  for (let i = 0; i < SENDS; i++) times.push(await timed(() => target.send(n++)))
  const cpu = cpuMs(target.pid)
  const perSecond = await throughput(CONCURRENT_SENDS, WIDTH, () => target.send(n++))
  const cpuPerEvent = (cpuMs(target.pid) - cpu) / CONCURRENT_SENDS
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), perSecond, cpuPerEvent }
}

/** From the start of a send to the answer of another session's waiting sync. */
async function syncWakes(api: string, sendUrl: string, sender: string, reader: string): Promise<number[]> {
  let since = String((await call('GET', `${api}/sync`, undefined, reader)).body.next_batch)
  const times: number[] = []
  for (let i = 0; i < WAKES; i++) {
    const waiting = call('GET', `${api}/sync?since=${since}&timeout=10000`, undefined, reader)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const started = performance.now()
    const sent = call('PUT', `${sendUrl}/wake${i}`, message(i), sender)
    since = String((await waiting).body.next_batch)
    times.push(performance.now() - started)
    await sent
  }
  return times
}

async function initialSync(api: string, token: string): Promise<number> {
  for (let i = 0; i < ROOMS; i++) await call('POST', `${api}/createRoom`, { name: `Room ${i}` }, token)
  const times: number[] = []
  for (let i = 0; i < 5; i++) times.push(await timed(() => call('GET', `${api}/sync`, undefined, token)))
  return percentile(times, 0.5)
}
