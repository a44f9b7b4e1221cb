import { type EventId, type RoomId, type StateMap, stateSlot, type UserId } from '@starling/protocol'
import type { Membership, RoomEvent, RoomReader } from '../ports.ts'
import type { RoomAccess } from './access.ts'
import { membershipIn, stringIn } from './content.ts'
import { mapConcurrent } from './map-concurrent.ts'

/** Client-Server API, "Room History Visibility". Absent or unknown counts as `shared`. */
export type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined'

const HISTORY_VISIBILITY = stateSlot('m.room.history_visibility', '')

/** State look-ups of one page at a time; each may read a snapshot. */
const CONCURRENCY = 8

/**
 * Which events of a room one user may see, by the room state at each event. One object serves one request: what it has
 * looked up is kept, and what changes meanwhile is not noticed.
 */
export class Visibility {
  readonly #reader: RoomReader
  readonly #roomId: RoomId
  readonly #userId: UserId
  readonly #access: RoomAccess
  readonly #ownSlot
  readonly #seen = new Map<EventId, Promise<RoomEvent | undefined>>()
  #openFrom: Promise<number> | undefined

  constructor(reader: RoomReader, roomId: RoomId, userId: UserId, access: RoomAccess) {
    this.#reader = reader
    this.#roomId = roomId
    this.#userId = userId
    this.#access = access
    this.#ownSlot = stateSlot('m.room.member', userId)
  }

  /** The visible ones of `events`, in their order. */
  async visible(events: readonly RoomEvent[]): Promise<RoomEvent[]> {
    const verdicts = await mapConcurrent(events, CONCURRENCY, (event) => this.canSee(event))
    return events.filter((_, index) => verdicts[index])
  }

  async canSee(event: RoomEvent): Promise<boolean> {
    if (await this.#surelyVisible(event)) return true
    // An outlier has no place in the room's history: it is seen only as the state that it is part of.
    if (event.order === undefined) return false
    const states = await this.#statesAt(event)
    for (const state of states) {
      if (await this.#allows(event, state)) return true
    }
    return false
  }

  /**
   * The way past looking up state for each event, for the rooms that nearly all are: everything that comes after
   * `#openFrom` was sent where the setting let its members, past and future, see it.
   */
  async #surelyVisible(event: RoomEvent): Promise<boolean> {
    if (event.order === undefined) return false
    if (this.#access.kind === 'departed' && event.order > this.#access.until) return false
    if (this.#access.kind !== 'joined' && this.#access.kind !== 'departed') return false
    return event.order > (await this.openFrom())
  }

  /** Everything beyond this place is visible to who is or was joined, up to the end of their stay; infinite where nothing surely is. */
  openFrom(): Promise<number> {
    this.#openFrom ??= this.#findOpenFrom()
    return this.#openFrom
  }

  async #findOpenFrom(): Promise<number> {
    const setting = await this.#reader.stateEvent(this.#roomId, 'm.room.history_visibility', '')
    if (!setting) return Number.NEGATIVE_INFINITY
    const visibility = visibilityIn(setting)
    if (visibility !== 'shared' && visibility !== 'world_readable') return Number.POSITIVE_INFINITY
    // Entered from another server: what stood before the setting is not known here.
    if (setting.order === undefined || setting.order < 0) return Number.POSITIVE_INFINITY
    return setting.replaces === undefined ? Number.NEGATIVE_INFINITY : setting.order
  }

  /** The room's state before the event; and after it, for the two kinds of events that may be seen by what they bring. */
  async #statesAt(event: RoomEvent): Promise<StateMap[]> {
    const { eventId, type, stateKey } = event.pdu
    const before = await this.#state(() => this.#reader.stateBefore(this.#roomId, eventId))
    const bringsItself =
      (type === 'm.room.history_visibility' && stateKey === '') ||
      (type === 'm.room.member' && stateKey === this.#userId)
    const after = bringsItself ? await this.#state(() => this.#reader.stateAfter(this.#roomId, eventId)) : undefined
    return [before, after].filter((state) => state !== undefined)
  }

  /** Where the state is not known (history whose neighbours are missing), nothing is shown. */
  async #state(read: () => Promise<StateMap>): Promise<StateMap | undefined> {
    try {
      return await read()
    } catch (error) {
      if (error instanceof Error && error.name === 'RoomError') return undefined
      throw error
    }
  }

  async #allows(event: RoomEvent, state: StateMap): Promise<boolean> {
    const setting = await this.#stateEvent(state.get(HISTORY_VISIBILITY))
    const visibility = visibilityIn(setting)
    if (visibility === 'world_readable') return true
    const own = await this.#stateEvent(state.get(this.#ownSlot))
    const membership: Membership = own ? membershipIn(own) : 'leave'
    if (membership === 'join') return true
    if (visibility === 'shared') return this.#joinedAfter(event)
    return visibility === 'invited' && membership === 'invite'
  }

  /** True if the user was joined at some time after the event. */
  #joinedAfter(event: RoomEvent): boolean {
    if (this.#access.kind === 'joined') return true
    return this.#access.kind === 'departed' && event.order !== undefined && event.order <= this.#access.until
  }

  #stateEvent(eventId: EventId | undefined): Promise<RoomEvent | undefined> {
    if (eventId === undefined) return Promise.resolve(undefined)
    let event = this.#seen.get(eventId)
    if (!event) {
      event = this.#reader.event(this.#roomId, eventId)
      this.#seen.set(eventId, event)
    }
    return event
  }
}

function visibilityIn(event: RoomEvent | undefined): HistoryVisibility {
  const value = stringIn(event?.pdu.content, 'history_visibility')
  return value === 'world_readable' || value === 'invited' || value === 'joined' ? value : 'shared'
}
