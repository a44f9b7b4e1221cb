import type { Pdu } from '../events/pdu.ts'
import type { RoomId } from '../ids/branded.ts'
import { createIdOfRoom } from '../ids/room-id.ts'
import type { AuthGraph } from './auth-graph.ts'
import type { EventSource } from './event-source.ts'

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
  #create: { readonly roomId: RoomId; readonly event: Pdu | undefined } | undefined

  constructor(graph: AuthGraph, full: Uint8Array) {
    this.graph = graph
    this.events = graph.events
    this.isFull = full.map((is, number) => (graph.events[number] === undefined ? 0 : is))
    this.#powerLevels = new Int32Array(graph.ids.length).fill(UNKNOWN)
  }

  /** A view, not a copy. */
  authOf(number: number): Int32Array {
    return this.graph.auths.subarray(this.graph.authStart[number], this.graph.authStart[number + 1])
  }

  /** Number of the auth event of that type and state key. Undefined where there is none. */
  authEvent(number: number, type: string, stateKey: string): number | undefined {
    const { auths, authStart } = this.graph
    for (let edge = authStart[number] as number; edge < (authStart[number + 1] as number); edge++) {
      const auth = auths[edge] as number
      const event = this.events[auth]
      if (event !== undefined && event.stateKey === stateKey && event.type === type) return auth
    }
    return undefined
  }

  /** The create event that the room id names (version 12), remembered: all of these events are of one room. */
  createOf(roomId: RoomId, source: EventSource): Pdu | undefined {
    if (this.#create?.roomId !== roomId) this.#create = { roomId, event: source.event(createIdOfRoom(roomId)) }
    return this.#create.event
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
