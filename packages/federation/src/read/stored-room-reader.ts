import {
  type AbortOptions,
  type EventId,
  type JsonObject,
  type Pdu,
  type RoomId,
  type ServerName,
  type StateMap,
  type StateSlot,
  stateSlot,
  type UserId,
} from '@starling/protocol'
import type { ClientTransaction } from '../ports.ts'
import { RoomError } from '../room/room-error.ts'
import type { RoomGraph } from '../room/room-graph.ts'
import type { RoomHead } from '../room/room-head.ts'
import type { RoomHeads } from '../room/room-heads.ts'
import { Bucket } from '../store/buckets.ts'
import type { Database } from '../store/database.ts'
import type { EventStore, StoredEvent } from '../store/event-store.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import type { StreamPositionCounter } from '../store/stream-positions.ts'
import { type MembershipName, type MembershipRow, tables } from '../store/tables.ts'
import type { FetchHistory } from './fetch-history.ts'
import { RememberedScans } from './remembered-scans.ts'
import { clampLimit, fetchUntil, type TimelineWalk, walkTimeline } from './timeline.ts'

/** An event as a reader gets it: already in redacted form where a redaction applies. */
export interface RoomEvent {
  readonly pdu: Pdu
  readonly order: number | undefined
  readonly redactedBecause: Pdu | undefined
  readonly replaces: EventId | undefined
  readonly transaction: ClientTransaction | undefined
}

export interface TimelineSlice {
  readonly events: readonly RoomEvent[]
  /** Give it as `from` to go on; undefined at the end. */
  readonly next: number | undefined
}

export interface RoomMembership {
  readonly roomId: RoomId
  readonly membership: MembershipName
  readonly eventId: EventId
  readonly sender: UserId
  readonly position: number
  readonly forgotten: boolean
  readonly strippedState: readonly JsonObject[]
}

export interface StateChange {
  readonly slot: StateSlot
  readonly eventId: EventId | undefined
  readonly position: number
}

export interface RelationsFilter {
  readonly relType?: string
  readonly eventType?: string
  readonly from?: number
  readonly limit: number
}

/** Relation rows looked at for one page, so that a filter that matches nothing stays cheap. */
const MAX_RELATIONS_SCANNED = 5_000

interface ReaderParts {
  readonly database: Database
  readonly events: EventStore
  readonly heads: RoomHeads
  readonly registry: RoomRegistry
  readonly graph: RoomGraph
  readonly positions: StreamPositionCounter
  readonly serverName: ServerName
}

/** Reads rooms for local clients: durable and visible rows only. Fits matrix-api's `RoomReader`. */
export class StoredRoomReader {
  readonly #parts: ReaderParts
  readonly #roomsOf: RememberedScans<UserId, RoomMembership>
  #fetchHistory: FetchHistory | undefined

  constructor(parts: ReaderParts) {
    this.#parts = parts
    const { database } = parts
    this.#roomsOf = new RememberedScans(database, Bucket.membership, (userId) => readRoomsOf(database, userId))
  }

  setFetchHistory(fetch: FetchHistory): void {
    this.#fetchHistory = fetch
  }

  async roomVersion(roomId: RoomId): Promise<string | undefined> {
    return (await this.#parts.registry.get(roomId))?.version
  }

  // ------------------------------------------------------------------------------------------------ memberships

  async membership(roomId: RoomId, userId: UserId): Promise<RoomMembership | undefined> {
    const room = await this.#parts.registry.get(roomId)
    const row = room && (await tables.membership.get(this.#parts.database.durable, userId, room.number))
    return row && membershipOfRow(row)
  }

  /** Remembered until any membership changes: each sync asks several times, and most bring none. */
  roomsOf(userId: UserId): Promise<readonly RoomMembership[]> {
    return this.#roomsOf.get(userId)
  }

  async memberCounts(roomId: RoomId): Promise<{ readonly joined: number; readonly invited: number }> {
    const head = await this.#parts.heads.durable(roomId)
    return { joined: head?.joined ?? 0, invited: head?.invited ?? 0 }
  }

  async sharesRoomWith(userId: UserId): Promise<ReadonlySet<UserId>> {
    const { durable } = this.#parts.database
    const users = new Set<UserId>()
    for await (const { key, value } of tables.membership.scan(durable, [userId])) {
      if (value.membership !== 'join') continue
      for await (const member of tables.roomMember.scan(durable, [key[1]])) {
        if (member.value === 'join') users.add(member.key[1])
      }
    }
    users.delete(userId)
    return users
  }

  // ------------------------------------------------------------------------------------------------ state

  async lastChange(roomId: RoomId): Promise<number> {
    return (await this.#parts.heads.durable(roomId))?.lastChange ?? 0
  }

  currentState(roomId: RoomId): Promise<StateMap> {
    return this.#parts.graph.currentState(roomId)
  }

  /** @throws RoomError `unknown-event` where it is not in that room's DAG */
  stateBefore(roomId: RoomId, eventId: EventId): Promise<StateMap> {
    return this.#stateAround(roomId, eventId, 'before')
  }

  /** @throws RoomError `unknown-event` where it is not in that room's DAG */
  stateAfter(roomId: RoomId, eventId: EventId): Promise<StateMap> {
    return this.#stateAround(roomId, eventId, 'after')
  }

  async stateChanges(roomId: RoomId, from: number, to: number): Promise<readonly StateChange[]> {
    const head = await this.#parts.heads.durable(roomId)
    // Most windows hold messages only.
    if (!head || head.lastStateChange <= from) return []
    const changes: StateChange[] = []
    const bounds = { from: from + 1, to }
    for await (const { key, value } of tables.stateChange.between(
      this.#parts.database.durable,
      [head.number],
      bounds,
    )) {
      changes.push({ slot: key[2], eventId: value ?? undefined, position: key[1] })
    }
    return changes
  }

  async stateEvent(roomId: RoomId, type: string, stateKey: string): Promise<RoomEvent | undefined> {
    const eventId = (await this.currentState(roomId)).get(stateSlot(type, stateKey))
    return eventId === undefined ? undefined : this.event(roomId, eventId)
  }

  // ------------------------------------------------------------------------------------------------ events

  async event(roomId: RoomId, eventId: EventId): Promise<RoomEvent | undefined> {
    return (await this.events(roomId, [eventId]))[0]
  }

  /** In the order asked for; ids of other rooms, of rejected and of withheld events are left out. */
  async events(roomId: RoomId, eventIds: readonly EventId[]): Promise<readonly RoomEvent[]> {
    const head = await this.#parts.heads.durable(roomId)
    const stored = await this.#parts.events.getMany(eventIds)
    const shown = eventIds.flatMap((eventId) => {
      const event = stored.get(eventId)
      return event && event.roomId === roomId && isShown(event, head) ? [event] : []
    })
    return this.#roomEvents(shown)
  }

  async timeline(roomId: RoomId, walk: TimelineWalk, options?: AbortOptions): Promise<TimelineSlice> {
    const { heads, database, positions, graph } = this.#parts
    const head = await heads.durable(roomId)
    if (!head) return { events: [], next: undefined }
    const visible = positions.current()
    let { rows, more } = await walkTimeline(database, head, walk, visible)
    const limit = clampLimit(walk.limit)
    const fetch = this.#fetchHistory
    if (fetch && walk.direction === 'b' && walk.to === undefined && rows.length < limit && this.#isJoined(head)) {
      const beforeThat = await fetchUntil(
        async () => {
          ;({ rows, more } = await walkTimeline(database, head, walk, visible))
          return rows.length >= limit
        },
        () => graph.backwardExtremities(roomId),
        (from, abort) => fetch(roomId, from, limit, abort),
        options,
      )
      // Who did not answer now may answer the next page: only an empty one is the end then.
      more ||= beforeThat === 'more' || (beforeThat === 'nobody-gives' && rows.length > 0)
    }
    const stored = await this.#parts.events.getMany(rows.map(({ eventId }) => eventId))
    const events = await this.#roomEvents(rows.flatMap(({ eventId }) => stored.get(eventId) ?? []))
    if (!more) return { events, next: undefined }
    const last = rows.at(-1)?.order
    // An empty page is not the end where what was fetched had nothing to show (CVE-2026-45076).
    if (last === undefined) return { events, next: walk.from ?? visible }
    return { events, next: walk.direction === 'f' ? last : last - 1 }
  }

  async relations(roomId: RoomId, eventId: EventId, filter: RelationsFilter): Promise<TimelineSlice> {
    const { heads, database, positions, events } = this.#parts
    const head = await heads.durable(roomId)
    if (!head) return { events: [], next: undefined }
    const limit = clampLimit(filter.limit)
    const visible = positions.current()
    const bounds = { to: Math.min(filter.from ?? visible, visible) }
    const found: EventId[] = []
    let next: number | undefined
    const scan = { reverse: true, limit: MAX_RELATIONS_SCANNED }
    for await (const { key, value } of tables.relation.between(
      database.durable,
      [head.number, eventId],
      bounds,
      scan,
    )) {
      if (found.length === limit) {
        next = key[2]
        break
      }
      if (filter.relType !== undefined && value.relType !== filter.relType) continue
      if (filter.eventType !== undefined && value.type !== filter.eventType) continue
      found.push(value.eventId)
    }
    const stored = await events.getMany(found)
    return { events: await this.#roomEvents(found.flatMap((id) => stored.get(id) ?? [])), next }
  }

  // ------------------------------------------------------------------------------------------------ inside

  #isJoined(head: RoomHead): boolean {
    return head.servers.has(this.#parts.serverName)
  }

  async #stateAround(roomId: RoomId, eventId: EventId, side: 'before' | 'after'): Promise<StateMap> {
    const state = await this.#parts.graph.stateAround(roomId, eventId, side)
    if (!state) throw new RoomError('unknown-event', 'there is no such event in this room')
    return state
  }

  async #roomEvents(stored: readonly StoredEvent[]): Promise<readonly RoomEvent[]> {
    const because = await this.#parts.events.getMany(stored.flatMap(({ redactedBy }) => redactedBy ?? []))
    return stored.map(({ pdu, order, redactedBy, replaces, transaction }) => ({
      pdu,
      order,
      redactedBecause: redactedBy === undefined ? undefined : because.get(redactedBy)?.pdu,
      replaces,
      transaction,
    }))
  }
}

/** Clients see what was accepted, outliers, and what is the room's current state however it got there. */
function isShown({ status, order, after, pdu }: StoredEvent, head: RoomHead | undefined): boolean {
  if (status === 'outlier' || order !== undefined) return true
  if (after === undefined || pdu.stateKey === undefined || status === 'rejected') return false
  return head?.state.map.get(stateSlot(pdu.type, pdu.stateKey)) === pdu.eventId
}

async function readRoomsOf({ durable }: Database, userId: UserId): Promise<readonly RoomMembership[]> {
  const memberships: RoomMembership[] = []
  for await (const { value } of tables.membership.scan(durable, [userId])) memberships.push(membershipOfRow(value))
  return memberships
}

function membershipOfRow(row: MembershipRow): RoomMembership {
  const { roomId, membership, eventId, sender, position, forgotten = false, strippedState = [] } = row
  return { roomId, membership, eventId, sender, position, forgotten, strippedState }
}
