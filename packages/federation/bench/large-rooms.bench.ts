/**
 * Prints what the size of a room costs the engine.
 *
 *     node --expose-gc packages/federation/bench/large-rooms.bench.ts [members]
 */
import { largeRoom, receiveMs, resolveForkMs, sendMs } from './large-rooms.ts'

const size = Number(process.argv[2] ?? 10_000)
const round = (ms: number) => Number(ms.toFixed(3))
const rows: Record<string, unknown>[] = []
for (const members of [10, size]) {
  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const room = await largeRoom(members)
  globalThis.gc?.()
  const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 2 ** 20
  const { receive, crypto } = await receiveMs(room)
  rows.push({
    members,
    'join ms': round(room.joinMs),
    'send ms': round(await sendMs(room)),
    'receive ms': round(receive),
    'crypto ms': round(crypto),
    'receive / crypto': round(receive / crypto),
    'heap MB, store included': round(heapMb),
  })
  if (members < 1_000) continue
  for (const events of [10, 100, 1_000]) {
    const { last, each } = await resolveForkMs(room, events)
    rows.push({ members, 'fork events': events, 'newest ms': round(last), 'each ms': round(each) })
  }
}
for (const row of rows) console.log(JSON.stringify(row))
