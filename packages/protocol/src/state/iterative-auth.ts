import type { AuthState } from '../auth/auth-state.ts'
import { checkAuth } from '../auth/check-auth.ts'
import type { AuthOptions } from '../auth/rule-input.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { ContendedEvents } from './contended-events.ts'
import type { EventSource } from './event-source.ts'
import { type StateMap, type StateSlot, stateSlot } from './state-map.ts'

export interface ResolveOptions extends AuthOptions {
  /** Was the event rejected on receipt? Such auth events authorise nothing. Default: none was. */
  readonly isRejected?: (id: EventId) => boolean
}

/**
 * Room versions, "Iterative auth checks": the partial state, which begins with `base` and takes in each event that the rules allow
 * on top of what came before.
 */
export class PartialState {
  readonly #base: StateMap
  readonly #contended: ContendedEvents
  readonly #source: EventSource
  readonly #rules: RoomVersionRules
  readonly #options: ResolveOptions
  /** What was let in, by type and state key. */
  readonly #entered = new Map<string, Map<string, Pdu>>()

  constructor(
    base: StateMap,
    contended: ContendedEvents,
    source: EventSource,
    rules: RoomVersionRules,
    options: ResolveOptions,
  ) {
    this.#base = base
    this.#contended = contended
    this.#source = source
    this.#rules = rules
    this.#options = options
  }

  holder(type: string, stateKey: string): Pdu | undefined {
    const entered = this.#entered.get(type)?.get(stateKey)
    if (entered !== undefined || this.#base.size === 0) return entered
    const id = this.#base.get(stateSlot(type, stateKey))
    return id === undefined ? undefined : this.#source.event(id)
  }

  /** Goes through the events, given by number, in this order. */
  check(numbers: Iterable<number>): void {
    for (const number of numbers) {
      const event = this.#contended.events[number]
      if (event?.stateKey === undefined) continue
      const state: AuthState = (type, stateKey) =>
        this.holder(type, stateKey) ?? this.#ofAuthEvents(number, type, stateKey)
      if (checkAuth(event, state, this.#rules, this.#options).allowed) this.#enter(event, event.stateKey)
    }
  }

  /** What was let in. */
  *entries(): Iterable<readonly [StateSlot, EventId]> {
    for (const [type, byKey] of this.#entered) {
      for (const [stateKey, event] of byKey) yield [stateSlot(type, stateKey), event.eventId]
    }
  }

  #enter(event: Pdu, stateKey: string): void {
    const byKey = this.#entered.get(event.type)
    if (byKey) byKey.set(stateKey, event)
    else this.#entered.set(event.type, new Map([[stateKey, event]]))
  }

  /** What the event's own auth events say, unless they were rejected. */
  #ofAuthEvents(number: number, type: string, stateKey: string): Pdu | undefined {
    const { events, graph } = this.#contended
    const { auths, authStart } = graph
    for (let edge = authStart[number] as number; edge < (authStart[number + 1] as number); edge++) {
      const auth = auths[edge] as number
      const event = events[auth]
      if (event === undefined || event.stateKey !== stateKey || event.type !== type) continue
      if (!this.#options.isRejected?.(graph.ids[auth] as EventId)) return event
    }
    // Version 12: the room id stands for the create event among the auth events.
    const isImplied = type === 'm.room.create' && stateKey === '' && !this.#rules.auth.createInAuthEvents
    const roomId = events[number]?.roomId
    return isImplied && roomId !== undefined ? this.#contended.createOf(roomId, this.#source) : undefined
  }
}
