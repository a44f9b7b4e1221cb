import type { AbortOptions, EventId, JsonObject, RoomId, ServerName } from '@starling/protocol'
import type { CheckedPdu, RoomEngine, ServerRequests } from '../../contracts.ts'
import type { EventBudget } from '../event-budget.ts'
import { limits } from '../limits.ts'
import type { PeerRations } from '../peer-rations.ts'
import type { Count } from '../ports.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { jsonSize } from '../wire/json-size.ts'
import { asArray } from '../wire/read-json.ts'
import { ask } from '../wire/request-failure.ts'
import { v1 } from '../wire/uri.ts'

interface FetcherParts {
  readonly engine: Pick<RoomEngine, 'isServerJoined'>
  readonly requests: ServerRequests
  readonly carrier: EventCarrier
  readonly budget: EventBudget
  readonly rations: PeerRations
  readonly count: Count
  /** Of this event the server gave the redacted form only. */
  incomplete(roomId: RoomId, eventId: EventId, server: ServerName): Promise<void>
}

/**
 * Asks one server for events of one room; answers hold only what passed every check. Only servers that are in the room are
 * asked, and what one answers that left it meanwhile counts for nothing: a ban ends a fetch that is under way.
 */
export class EventFetcher {
  readonly #parts: FetcherParts
  readonly #requests: ServerRequests
  readonly #carrier: EventCarrier
  readonly #budget: EventBudget
  readonly #count: Count

  constructor(parts: FetcherParts) {
    this.#parts = parts
    this.#requests = parts.requests
    this.#carrier = parts.carrier
    this.#budget = parts.budget
    this.#count = parts.count
  }

  /** `get_missing_events`: what lies before `latest`, at most `limit`. */
  async missingEvents(
    server: ServerName,
    room: FetchRoom,
    range: { readonly latest: readonly EventId[]; readonly earliest: readonly EventId[]; readonly limit: number },
    options?: AbortOptions,
  ): Promise<readonly CheckedPdu[]> {
    const limit = this.#budget.grant(server, Math.min(range.limit, limits.eventsPerAnswer))
    if (limit < 1) return this.#overBudget()
    const body = {
      latest_events: range.latest.slice(0, limits.idsPerRequest),
      earliest_events: range.earliest.slice(0, limits.idsPerRequest),
      limit,
      min_depth: 0,
    }
    const uri = v1('get_missing_events', [room.roomId])
    const answer = await this.#ask({ server, room, method: 'POST', uri, body }, options)
    return answer ? this.#take(server, room, answer.events, limit) : []
  }

  /** `backfill`: `from` and what precedes them. */
  async backfill(
    server: ServerName,
    room: FetchRoom,
    from: readonly EventId[],
    wanted: number,
    options?: AbortOptions,
  ): Promise<readonly CheckedPdu[]> {
    const limit = this.#budget.grant(server, Math.min(wanted, limits.eventsPerAnswer))
    if (limit < 1) return this.#overBudget()
    const uri = v1('backfill', [room.roomId], { v: from.slice(0, limits.idsPerRequest), limit })
    const answer = await this.#ask({ server, room, method: 'GET', uri }, options)
    return answer ? this.#take(server, room, answer.pdus, limit) : []
  }

  async event(
    server: ServerName,
    room: FetchRoom,
    eventId: EventId,
    options?: AbortOptions,
  ): Promise<CheckedPdu | undefined> {
    if (this.#budget.grant(server, 1) < 1) return this.#overBudget()[0]
    const answer = await this.#ask({ server, room, method: 'GET', uri: v1('event', [eventId]) }, options)
    const events = answer ? await this.#take(server, room, answer.pdus, 1) : []
    return events.find(({ pdu }) => pdu.eventId === eventId)
  }

  /** `event_auth`: the auth chain of an event that the server has. */
  async authChain(
    server: ServerName,
    room: FetchRoom,
    eventId: EventId,
    options?: AbortOptions,
  ): Promise<readonly CheckedPdu[]> {
    const uri = v1('event_auth', [room.roomId, eventId])
    const max = this.#budget.grant(server, limits.authChainPerFetch)
    if (max < 1) return this.#overBudget()
    const answer = await this.#ask({ server, room, method: 'GET', uri, maxBytes: limits.bytesPerAuthChain }, options)
    return answer ? this.#take(server, room, answer.auth_chain, limits.authChainPerFetch) : []
  }

  /** `state`: the state before an event, with the auth chains. Undefined where the server cannot or will not say. */
  async stateBefore(
    server: ServerName,
    room: FetchRoom,
    eventId: EventId,
    options?: AbortOptions,
  ): Promise<{ readonly state: readonly CheckedPdu[]; readonly authChain: readonly CheckedPdu[] } | undefined> {
    const uri = v1('state', [room.roomId], { event_id: eventId })
    if (this.#budget.grant(server, 1) < 1) return this.#refuse('over-budget')
    const answer = await this.#ask({ server, room, method: 'GET', uri, maxBytes: limits.bytesPerStateAnswer }, options)
    if (!answer) return undefined
    const state = await this.#take(server, room, answer.pdus, limits.eventsPerState)
    const authChain = await this.#take(server, room, answer.auth_chain, limits.eventsPerState)
    const listed = asArray(answer.pdus)?.length
    // A state with holes is worse than none: it would let in what the holes forbid.
    return state.length === listed ? { state, authChain } : undefined
  }

  /** Ids of the same, to find out which events are missing here. */
  async stateIds(
    server: ServerName,
    room: FetchRoom,
    eventId: EventId,
    options?: AbortOptions,
  ): Promise<JsonObject | undefined> {
    const uri = v1('state_ids', [room.roomId], { event_id: eventId })
    return this.#ask({ server, room, method: 'GET', uri, maxBytes: limits.bytesPerStateAnswer }, options)
  }

  /** Any other operation that answers events of the room in `events`. */
  async events(
    server: ServerName,
    room: FetchRoom,
    uri: string,
    body: JsonObject,
    options?: AbortOptions,
  ): Promise<{ readonly answer: JsonObject; readonly events: readonly CheckedPdu[] } | undefined> {
    if (this.#budget.grant(server, limits.eventsPerAnswer) < 1) return this.#refuse('over-budget')
    const answer = await this.#ask({ server, room, method: 'POST', uri, body }, options)
    return answer && { answer, events: await this.#take(server, room, answer.events, limits.eventsPerAnswer) }
  }

  async #ask(
    { server, room, method, uri, body, maxBytes }: Question,
    options?: AbortOptions,
  ): Promise<JsonObject | undefined> {
    const { engine, rations } = this.#parts
    if (!engine.isServerJoined(room.roomId, server)) return this.#refuse('no-member')
    if (rations.request(server) > 0) return this.#refuse('over-ration')
    const request = this.#requests.request(server, method, uri, body, {
      ...options,
      timeoutMs: limits.fetchTimeout,
      maxResponseBytes: maxBytes ?? limits.bytesPerEventsAnswer,
    })
    const answer = await ask(request)
    if (!answer.ok) return this.#refuse(answer.error.errcode ?? answer.error.code)
    rations.spend(server, { events: 0, bytes: jsonSize(answer.value) })
    return engine.isServerJoined(room.roomId, server) ? answer.value : this.#refuse('no-member')
  }

  async #take(server: ServerName, room: FetchRoom, list: unknown, max: number): Promise<readonly CheckedPdu[]> {
    const result = await this.#carrier.unpackList(list, room.roomVersion, max, server)
    if (!result) {
      this.#count('fetch_failed', 'malformed')
      return []
    }
    const brought = result.events.length + result.failed
    this.#budget.spend(server, brought)
    this.#parts.rations.spend(server, { events: brought, bytes: 0 })
    const inRoom = result.events.filter(({ pdu }) => pdu.roomId === room.roomId)
    if (inRoom.length < result.events.length) this.#count('fetched_event_refused', 'other-room')
    for (const { pdu, redacted } of inRoom) {
      if (redacted) await this.#parts.incomplete(room.roomId, pdu.eventId, server)
    }
    return inRoom
  }

  #overBudget(): readonly CheckedPdu[] {
    this.#refuse('over-budget')
    return []
  }

  #refuse(code: string): undefined {
    this.#count('fetch_failed', code)
    return undefined
  }
}

interface Question {
  readonly server: ServerName
  readonly room: FetchRoom
  readonly method: 'GET' | 'POST'
  readonly uri: string
  readonly body?: JsonObject
  readonly maxBytes?: number
}

export interface FetchRoom {
  readonly roomId: RoomId
  readonly roomVersion: string
}
