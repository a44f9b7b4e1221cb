import type { BatchOperation, EventId, JsonObject, KeyValueStore, RoomId, ServerName } from '@starling/protocol'
import { roomVersionRules } from '@starling/protocol'
import { Bucket } from '../../store/buckets.ts'
import { Table } from '../../store/table.ts'
import { limits } from '../limits.ts'
import { packIds, unpackIds } from '../wire/packed-ids.ts'
import type { JoinPlan } from './join-plan.ts'
import type { MembershipChange } from './membership-change.ts'

/** A join whose state is being fetched. */
export interface JoinRow {
  readonly change: Pick<MembershipChange, 'roomId' | 'target'>
  readonly roomVersion: string
  readonly createId: EventId
  readonly event: JsonObject
  readonly resident: ServerName
  readonly servers: readonly ServerName[]
  readonly digest: string
  /** Milliseconds since the Unix epoch. */
  readonly since: number
}

const AUTH_CHAIN = 0
const STATE = 1

const rows = new Table<[RoomId], JoinRow>(Bucket.joinUnderWay, ['text'])
const pages = new Table<[RoomId, number, number], string>(Bucket.joinIds, ['text', 'int', 'int'])

/**
 * Joins under way, durable. The row is written after the ids and before the first staged event, and goes after the last trace of a
 * join that came to nothing: whatever a crash leaves behind, a row leads to it. Local users' own joins make rows.
 */
export class JoinRows {
  readonly #store: KeyValueStore

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  async put(plan: JoinPlan, target: JoinRow['change']['target'], since: number): Promise<void> {
    const { roomId, roomVersion, createId, event, resident, servers, digest } = plan
    const written: Promise<void>[] = []
    for (const [list, ids] of [
      [AUTH_CHAIN, plan.authChain],
      [STATE, plan.state],
    ] as const) {
      for (let start = 0; start < ids.length; start += limits.idsPerPage) {
        const packed = packIds(ids.slice(start, start + limits.idsPerPage))
        written.push(this.#store.batch([pages.put([roomId, list, start / limits.idsPerPage], packed)]))
      }
    }
    const change = { roomId, target }
    const row = { change, roomVersion, createId, event: event.pdu.json, resident, servers, digest, since }
    // Written in this order, yet not each with a flush of its own.
    await Promise.all([...written, this.#store.batch([rows.put([roomId], row)], { durable: true })])
  }

  async all(): Promise<JoinRow[]> {
    const found: JoinRow[] = []
    for await (const { value } of rows.scan(this.#store, [])) found.push(value)
    return found
  }

  /** The ids of a join; undefined where they are not there whole. */
  async idsOf(row: JoinRow): Promise<Pick<JoinPlan, 'authChain' | 'state'> | undefined> {
    const rules = roomVersionRules(row.roomVersion)
    if (!rules) return undefined
    const lists: EventId[][] = [[], []]
    for await (const { key, value } of pages.scan(this.#store, [row.change.roomId])) {
      const ids = unpackIds(value, rules, limits.idsPerPage)
      if (!ids) return undefined
      lists[key[1]]?.push(...ids)
    }
    const [authChain = [], state = []] = lists
    return authChain.length > 0 && state.length > 0 ? { authChain, state } : undefined
  }

  /**
   * `entered`: not waited for to reach the disk, since a row that a crash brings back leads to a room that is joined, and goes then.
   * Of a join that came to nothing it would make another attempt.
   */
  async remove(roomId: RoomId, { entered = false }: { readonly entered?: boolean } = {}): Promise<void> {
    const operations: BatchOperation[] = [rows.del([roomId])]
    for await (const { key } of pages.scan(this.#store, [roomId])) operations.push(pages.del(key))
    await this.#store.batch(operations, { durable: !entered })
  }

  /** Pages whose row was never written: a crash came between. */
  async removeOrphans(): Promise<void> {
    const known = new Set((await this.all()).map(({ change }) => change.roomId))
    const operations: BatchOperation[] = []
    for await (const { key } of pages.scan(this.#store, [])) if (!known.has(key[0])) operations.push(pages.del(key))
    if (operations.length > 0) await this.#store.batch(operations)
  }
}
