import type { AbortOptions, EventId, JsonObject, RoomId, ServerName } from '@starling/protocol'
import type { CheckedPdu, ServerRequests } from '../../contracts.ts'
import type { EventBudget } from '../event-budget.ts'
import { limits } from '../limits.ts'
import type { Count } from '../ports.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { asArray } from '../wire/read-json.ts'
import { ask } from '../wire/request-failure.ts'
import { v1 } from '../wire/uri.ts'

/** Asks one server for events of one room; answers hold only what passed every check. */
export class EventFetcher {
  readonly #requests: ServerRequests
  readonly #carrier: EventCarrier
  readonly #budget: EventBudget
  readonly #count: Count

  constructor(requests: ServerRequests, carrier: EventCarrier, budget: EventBudget, count: Count) {
    this.#requests = requests
    this.#carrier = carrier
    this.#budget = budget
    this.#count = count
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
    const answer = await this.#ask(server, 'POST', v1('get_missing_events', [room.roomId]), body, options)
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
    const answer = await this.#ask(server, 'GET', uri, undefined, options)
    return answer ? this.#take(server, room, answer.pdus, limit) : []
  }

  async event(
    server: ServerName,
    room: FetchRoom,
    eventId: EventId,
    options?: AbortOptions,
  ): Promise<CheckedPdu | undefined> {
    if (this.#budget.grant(server, 1) < 1) return this.#overBudget()[0]
    const answer = await this.#ask(server, 'GET', v1('event', [eventId]), undefined, options)
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
    const answer = await this.#ask(server, 'GET', uri, undefined, options, limits.bytesPerStateAnswer)
    return answer ? this.#take(server, room, answer.auth_chain, limits.eventsPerState) : []
  }

  /** `state`: the state before an event, with the auth chains. Undefined where the server cannot or will not say. */
  async stateBefore(
    server: ServerName,
    room: FetchRoom,
    eventId: EventId,
    options?: AbortOptions,
  ): Promise<{ readonly state: readonly CheckedPdu[]; readonly authChain: readonly CheckedPdu[] } | undefined> {
    const uri = v1('state', [room.roomId], { event_id: eventId })
    const answer = await this.#ask(server, 'GET', uri, undefined, options, limits.bytesPerStateAnswer)
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
    return this.#ask(server, 'GET', uri, undefined, options, limits.bytesPerStateAnswer)
  }

  /** Any other operation that answers events of the room in `events`. */
  async events(
    server: ServerName,
    room: FetchRoom,
    uri: string,
    body: JsonObject,
    options?: AbortOptions,
  ): Promise<{ readonly answer: JsonObject; readonly events: readonly CheckedPdu[] } | undefined> {
    if (this.#budget.grant(server, limits.eventsPerAnswer) < 1) {
      this.#overBudget()
      return undefined
    }
    const answer = await this.#ask(server, 'POST', uri, body, options)
    return answer && { answer, events: await this.#take(server, room, answer.events, limits.eventsPerAnswer) }
  }

  async #ask(
    server: ServerName,
    method: 'GET' | 'POST',
    uri: string,
    body: JsonObject | undefined,
    options?: AbortOptions,
    maxResponseBytes: number = limits.bytesPerEventsAnswer,
  ): Promise<JsonObject | undefined> {
    const request = this.#requests.request(server, method, uri, body, {
      ...options,
      timeoutMs: limits.fetchTimeout,
      maxResponseBytes,
    })
    const answer = await ask(request)
    if (answer.ok) return answer.value
    this.#count('fetch_failed', answer.error.errcode ?? answer.error.code)
    return undefined
  }

  async #take(server: ServerName, room: FetchRoom, list: unknown, max: number): Promise<readonly CheckedPdu[]> {
    const result = await this.#carrier.unpackList(list, room.roomVersion, max, server)
    if (!result) {
      this.#count('fetch_failed', 'malformed')
      return []
    }
    this.#budget.spend(server, result.events.length + result.failed)
    const inRoom = result.events.filter(({ pdu }) => pdu.roomId === room.roomId)
    if (inRoom.length < result.events.length) this.#count('fetched_event_refused', 'other-room')
    return inRoom
  }

  #overBudget(): readonly CheckedPdu[] {
    this.#count('fetch_failed', 'over-budget')
    return []
  }
}

export interface FetchRoom {
  readonly roomId: RoomId
  readonly roomVersion: string
}
