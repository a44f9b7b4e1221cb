import { fileURLToPath } from 'node:url'
import { StarlingProcess } from '@starling/testkit'
import { BENCH_FLAGS, call, cpuMs, endChild, percentile, startScript, throughput, timed } from './measure.ts'
import type { Row } from './table.ts'

const WARM_UP = 300
const SENDS = 1_000
const CONCURRENT_SENDS = 8_000
/** Turns that floor and node take. */
const ROUNDS = 20
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
  const { child, hello } = await startScript(fileURLToPath(import.meta.resolve('./floor-server.ts')))
  try {
    return await rowsBesideFloor({
      pid: child.pid ?? 0,
      send: (n) => call('PUT', `${hello.url}/send/t${n}`, message(n)),
    })
  } finally {
    await endChild(child)
  }
}

async function rowsBesideFloor(floorTarget: Target): Promise<Row[]> {
  await using node = await StarlingProcess.start({
    flags: BENCH_FLAGS,
  })
  const { baseUrl, accessToken } = node.ownerSession()
  const api = `${baseUrl}/_matrix/client/v3`
  const roomId = String((await call('POST', `${api}/createRoom`, {}, accessToken)).body.room_id)
  const sendUrl = `${api}/rooms/${encodeURIComponent(roomId)}/send/m.room.message`
  const nodeTarget: Target = {
    pid: node.pid,
    send: (n) => call('PUT', `${sendUrl}/t${n}`, message(n), accessToken),
  }
  const [floor, figures] = await sendFigures(floorTarget, nodeTarget)
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

/**
 * Both in turns, in many short rounds: what else the machine does then falls on both alike, and the ratio holds though the
 * absolute figures do not.
 */
async function sendFigures(floor: Target, node: Target): Promise<[floor: SendFigures, node: SendFigures]> {
  const runs = [floor, node].map((target) => ({ target, n: 0, times: [] as number[], cpu: 0, ms: 0 }))
  type Run = (typeof runs)[number]
  const one = (run: Run) => run.target.send(run.n++)
  for (const run of runs) for (let i = 0; i < WARM_UP; i++) await one(run)
  for (let round = 0; round < ROUNDS; round++) {
    for (const run of runs) for (let i = 0; i < SENDS / ROUNDS; i++) run.times.push(await timed(() => one(run)))
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const run of runs) {
      const cpu = cpuMs(run.target.pid)
      run.ms += await timed(() => throughput(CONCURRENT_SENDS / ROUNDS, WIDTH, () => one(run)))
      run.cpu += cpuMs(run.target.pid) - cpu
    }
  }
  const [ofFloor, ofNode] = runs.map(({ times, cpu, ms }) => ({
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    perSecond: (CONCURRENT_SENDS / ms) * 1000,
    cpuPerEvent: cpu / CONCURRENT_SENDS,
  })) as [SendFigures, SendFigures]
  return [ofFloor, ofNode]
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
