/**
 * What the engine adds to the floor of a durable event (one Ed25519 signature and one durable write), over a store in memory
 * whose batches take as long as a disk's flush. Prints milliseconds and ratios.
 *
 *     node packages/federation/bench/rooms.bench.ts
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchOperation } from '@starling/protocol'
import { MemoryStore, testCrypto } from '@starling/testkit'
import { RoomServer } from '../test/room-server.ts'

/** Milliseconds that a durable batch takes: a consumer SSD's flush. */
const FLUSH_MS = Number(process.env.FLUSH_MS ?? 1)
const SENDS = 500

class FlushingStore extends MemoryStore {
  override async batch(operations: readonly BatchOperation[]): Promise<void> {
    if (FLUSH_MS > 0) await sleep(FLUSH_MS)
    await super.batch(operations)
  }
}

async function timed(times: number, work: (n: number) => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const durations: number[] = []
  for (let n = 0; n < times; n++) {
    const start = performance.now()
    await work(n)
    durations.push(performance.now() - start)
  }
  durations.sort((a, b) => a - b)
  const at = (share: number) => durations[Math.floor(durations.length * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

const store = new FlushingStore()
const seed = new Uint8Array(32)
const message = new Uint8Array(600)
const floor = await timed(SENDS, async (n) => {
  testCrypto.ed25519.sign(seed, message)
  await store.batch([{ type: 'put', key: Buffer.from(`floor${n}`), value: message }])
})
const server = await RoomServer.open('bench.test', { store: new FlushingStore() })
const alice = server.user('alice')
const roomId = await server.createRoom(alice)
await timed(SENDS, (n) => server.message(roomId, alice, `warm-up ${n}`))
const send = await timed(SENDS, (n) => server.message(roomId, alice, `message ${n}`))
const cpu = process.cpuUsage()
const start = performance.now()
const many = SENDS * 4
await Promise.all(Array.from({ length: many }, (_, n) => server.message(roomId, alice, `at once ${n}`).catch(() => 0)))
const seconds = (performance.now() - start) / 1000
const used = process.cpuUsage(cpu)
console.table({
  'floor p50 ms': floor.p50.toFixed(3),
  'send p50 ms': send.p50.toFixed(3),
  'send p99 ms': send.p99.toFixed(3),
  'send p50 / floor p50': (send.p50 / floor.p50).toFixed(2),
  'sends/s, 1,000 at once in one room': Math.round(Math.min(many, 1_000) / seconds),
  'CPU ms per send': ((used.user + used.system) / 1000 / Math.min(many, 1_000)).toFixed(3),
})
