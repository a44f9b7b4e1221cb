import type { JsonObject, RoomId } from '@starling/protocol'
import type { MemoryStore } from '@starling/testkit'
import { Bucket } from '../src/store/buckets.ts'
import { tables } from '../src/store/tables.ts'
import type { ExchangeNetwork, ExchangeNode, WireRequest } from './exchange-network.ts'

/** More state than a join's answer holds whole. */
export const LARGE = 420

/** A public room whose state is large: many events of one kind. */
export function createLargeRoom(node: ExchangeNode, version = '12', events = LARGE): Promise<RoomId> {
  return node.rooms.createRoom(node.user(), version, [
    { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } },
    { type: 'm.room.name', stateKey: '', content: { name: 'large' } },
    ...Array.from({ length: events }, (_, n) => ({ type: 'org.example.item', stateKey: `${n}`, content: { n } })),
  ])
}

/** Rows of rooms and joins in a store, by bucket: what a join that came to nothing must not leave. */
export async function roomRows(store: MemoryStore): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const [name, table] of Object.entries(tables)) {
    for await (const _ of table.scan(store, [])) counts[name] = (counts[name] ?? 0) + 1
  }
  for (const bucket of [Bucket.joinUnderWay, Bucket.joinIds]) {
    const range = { gte: Uint8Array.of(bucket), lt: Uint8Array.of(bucket + 1) }
    for await (const _ of store.entries(range)) counts[`bucket ${bucket}`] = (counts[`bucket ${bucket}`] ?? 0) + 1
  }
  return counts
}

/** Turns the hands of everybody's long timers until the work is done. */
export async function withTimers<T>(work: Promise<T>, ...nodes: readonly ExchangeNode[]): Promise<T> {
  let over = false
  const end = work.finally(() => {
    over = true
  })
  end.catch(() => undefined)
  for (let turn = 0; !over && turn < 5_000; turn++) {
    for (let breath = 0; breath < 20 && !over; breath++) await new Promise((resolve) => setImmediate(resolve))
    if (!over) for (const node of nodes) node.timers.fire()
  }
  return end
}

export const isStateEvents = ({ uri }: WireRequest) => uri.includes('/state_events/')
export const isSendJoin = ({ uri }: WireRequest) => uri.includes('/send_join/')

/** Requests of that node of one kind to another. */
export function asked(
  network: ExchangeNetwork,
  from: ExchangeNode,
  to: ExchangeNode,
  kind: (request: WireRequest) => boolean,
): number {
  return network.requests.filter((one) => one.from === from.name && one.to === to.name && kind(one)).length
}

export type Answer = JsonObject & { readonly events: readonly JsonObject[] }
