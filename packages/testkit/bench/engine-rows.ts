import type { JsonObject } from '@starling/protocol'
import { cpuMs as cpuOf, type LargeRoom, largeRoom, receiveMs } from '../../federation/bench/large-rooms.ts'
import type { Row } from './table.ts'

const EVENTS = 500
/** The first round only warms the code up. */
const ROUNDS = 3

/** What one event costs the engine, in CPU time over a store in memory, beside its bare hashes and its signature. */
export async function engineRows(): Promise<Row[]> {
  const room = await largeRoom(10)
  let checking = Number.NaN
  let figures = { receive: Number.NaN, crypto: Number.NaN }
  for (let round = 0; round < ROUNDS; round++) {
    checking = await checkMs(room)
    figures = await receiveMs(room, EVENTS)
  }
  const { receive, crypto } = figures
  return [
    { what: 'CPU to verify a PDU (format, hash, id, signature)', unit: 'ms', node: checking, floor: crypto },
    { what: 'CPU to verify and ingest a PDU', unit: 'ms', node: receive, floor: crypto },
  ]
}

async function checkMs({ server, roomId, creator }: LargeRoom): Promise<number> {
  const state = await server.engine.currentState(roomId)
  const prevEvents = await server.engine.forwardExtremities(roomId)
  const events: JsonObject[] = []
  for (let n = 0; n < EVENTS; n++) {
    const content = { msgtype: 'm.text', body: `message ${n}` }
    events.push(await server.craft(roomId, { sender: creator, type: 'm.room.message', content, prevEvents, state }))
  }
  return cpuOf(EVENTS, async (n) => {
    const checked = await server.engine.check(events[n] as JsonObject, '12')
    if (!checked.ok) throw new Error(checked.reason)
  })
}
