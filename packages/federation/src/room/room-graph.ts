import {
  type EventId,
  ownValue,
  type Pdu,
  type RoomId,
  type ServerName,
  type StateMap,
  type StateSlot,
} from '@starling/protocol'
import type { StoredPdu } from '../contracts.ts'
import { memberSlotsOf } from '../state/member-slots.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Database } from '../store/database.ts'
import type { EventStore } from '../store/event-store.ts'
import { tables } from '../store/tables.ts'
import type { RoomHeads } from './room-heads.ts'

/** Backward extremities looked at; a room with more has plenty to fetch already. */
const MAX_BACKWARD = 1_000

/** Read access to DAGs and states for the exchange with other servers. */
export class RoomGraph {
  readonly #database: Database
  readonly #events: EventStore
  readonly #states: StateStore
  readonly #heads: RoomHeads

  constructor(parts: {
    readonly database: Database
    readonly events: EventStore
    readonly states: StateStore
    readonly heads: RoomHeads
  }) {
    this.#database = parts.database
    this.#events = parts.events
    this.#states = parts.states
    this.#heads = parts.heads
  }

  async events(eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, StoredPdu>> {
    const found = new Map<EventId, StoredPdu>()
    for (const [eventId, event] of await this.#events.getMany(eventIds)) {
      const { pdu, version, status, unjudged, incomplete, redactedBy, approximate } = event
      if (status === 'rejected' || unjudged) continue
      const missing = incomplete && redactedBy === undefined ? { incomplete } : {}
      const guessed = approximate ? { approximate } : {}
      found.set(eventId, { pdu, roomVersion: version, status, ...missing, ...guessed })
    }
    return found
  }

  async dagEvents(eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, Pdu>> {
    const found = new Map<EventId, Pdu>()
    for (const [eventId, { after, pdu }] of await this.#events.getMany(eventIds)) {
      if (after !== undefined) found.set(eventId, pdu)
    }
    return found
  }

  async inDag(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>> {
    const events = await this.#events.getMany(eventIds)
    return new Set(eventIds.filter((eventId) => events.get(eventId)?.after !== undefined))
  }

  async forwardExtremities(roomId: RoomId): Promise<readonly EventId[]> {
    return (await this.#heads.durable(roomId))?.extremities ?? []
  }

  async deadLeaves(roomId: RoomId): Promise<readonly EventId[]> {
    return (await this.#heads.durable(roomId))?.dead ?? []
  }

  async backwardExtremities(roomId: RoomId): Promise<readonly EventId[]> {
    const head = await this.#heads.durable(roomId)
    if (!head) return []
    const found: { readonly eventId: EventId; readonly depth: number }[] = []
    const rows = tables.backward.scan(this.#database.durable, [head.number], { limit: MAX_BACKWARD })
    for await (const { key, value } of rows) found.push({ eventId: key[1], depth: value.depth })
    return found.sort((a, b) => a.depth - b.depth).map(({ eventId }) => eventId)
  }

  async currentState(roomId: RoomId): Promise<StateMap> {
    return (await this.#heads.durable(roomId))?.state.map ?? new Map()
  }

  /** Undefined where the event is not in that room's DAG. */
  async stateAround(roomId: RoomId, eventId: EventId, side: 'before' | 'after'): Promise<StateMap | undefined> {
    const event = await this.#events.get(eventId)
    const id = event?.[side]
    if (event?.roomId !== roomId || id === undefined) return undefined
    return (await this.#states.get(event.room, id)).map
  }

  async stateBeforeSlots(
    roomId: RoomId,
    eventId: EventId,
    slots: readonly StateSlot[],
  ): Promise<ReadonlyMap<StateSlot, EventId> | undefined> {
    const event = await this.#events.get(eventId)
    if (event?.roomId !== roomId || event.before === undefined) return undefined
    return this.#states.slots(event.room, event.before, slots)
  }

  async isServerMemberAt(
    roomId: RoomId,
    eventId: EventId,
    server: ServerName,
    memberships: ReadonlySet<string>,
  ): Promise<boolean> {
    const head = await this.#heads.durable(roomId)
    const slots = head ? memberSlotsOf(server, head.state.map) : []
    const members = await this.stateBeforeSlots(roomId, eventId, slots)
    const events = await this.#events.getMany(members?.values() ?? [])
    return [...events.values()].some(({ pdu }) => memberships.has(String(ownValue(pdu.content, 'membership'))))
  }

  async authChain(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>> {
    const chain = new Set<EventId>()
    let frontier: readonly EventId[] = eventIds
    while (frontier.length > 0) {
      const events = await this.#events.getMany(frontier)
      const next = new Set<EventId>()
      for (const { pdu } of events.values()) {
        for (const eventId of pdu.authEvents) if (!chain.has(eventId)) next.add(eventId)
      }
      for (const eventId of next) chain.add(eventId)
      frontier = [...next]
    }
    return chain
  }
}
