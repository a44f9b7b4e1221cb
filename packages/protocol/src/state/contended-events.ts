import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { AuthGraph } from './auth-graph.ts'

/**
 * An auth graph with what is contended in it. Every step of the algorithm works on numbers: each event is looked up by its id
 * once, however often the steps come back to it.
 */
export class ContendedEvents {
  readonly graph: AuthGraph
  /** By number; undefined for those that are not here. */
  readonly events: readonly (Pdu | undefined)[]
  /** Is the event part of the full conflicted set? One flag per number. */
  readonly isFull: Uint8Array
  readonly #powerLevels: Int32Array

  constructor(graph: AuthGraph, full: Iterable<EventId>) {
    this.graph = graph
    this.events = graph.events
    this.isFull = new Uint8Array(graph.ids.length)
    for (const id of full) {
      const number = graph.numberOf.get(id)
      if (number !== undefined && this.events[number] !== undefined) this.isFull[number] = 1
    }
    this.#powerLevels = new Int32Array(graph.ids.length).fill(UNKNOWN)
  }

  authOf(number: number): readonly number[] {
    return this.graph.authOf[number] ?? []
  }

  /** Number of the auth event of that type and state key. Undefined where there is none. */
  authEvent(number: number, type: string, stateKey: string): number | undefined {
    for (const auth of this.authOf(number)) {
      const event = this.events[auth]
      if (event !== undefined && event.stateKey === stateKey && event.type === type) return auth
    }
    return undefined
  }

  /** Number of the power levels among the auth events, remembered. Undefined where there are none. */
  powerLevels(number: number): number | undefined {
    let known = this.#powerLevels[number] ?? UNKNOWN
    if (known === UNKNOWN) {
      known = this.authEvent(number, 'm.room.power_levels', '') ?? NONE
      this.#powerLevels[number] = known
    }
    return known === NONE ? undefined : known
  }
}

const UNKNOWN = -2
const NONE = -1
