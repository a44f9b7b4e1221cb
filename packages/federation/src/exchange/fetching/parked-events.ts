import type { EventId, RoomId, ServerName } from '@starling/protocol'
import { serverOf } from '@starling/protocol'
import type { CheckedPdu } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { Count } from '../ports.ts'

export interface ParkedEvent {
  readonly checked: CheckedPdu
  readonly carrier: ServerName
  readonly publish: boolean
  readonly missing: readonly EventId[]
  /** Times that fetching what it waits for was tried. */
  readonly attempts: number
}

/**
 * Events whose parents nobody could give yet (bad inputs 52, 53), in memory only: anti-entropy brings them again after a
 * restart. Bounded per sending server in a room, per room, and in all. Dropped first: the oldest of that server; the oldest
 * of the server with the most in that room; the oldest of all. So a flood by one server pushes out only its own.
 */
export class ParkedEvents {
  readonly #byId = new Map<EventId, ParkedEvent>()
  readonly #rooms = new Map<RoomId, Map<ServerName, Set<EventId>>>()
  readonly #waitingFor = new Map<EventId, Set<EventId>>()
  readonly #count: Count

  constructor(count: Count) {
    this.#count = count
  }

  get size(): number {
    return this.#byId.size
  }

  sizeOf(roomId: RoomId): number {
    let size = 0
    for (const ids of this.#rooms.get(roomId)?.values() ?? []) size += ids.size
    return size
  }

  has(eventId: EventId): boolean {
    return this.#byId.has(eventId)
  }

  /** False where it has been tried too often, and is dropped. */
  park(event: ParkedEvent): boolean {
    const { eventId, roomId, sender } = event.checked.pdu
    const known = this.#byId.get(eventId)
    this.remove(eventId)
    if (event.attempts >= limits.parkedAttempts) {
      this.#count('parked_dropped', 'attempts')
      return false
    }
    const servers = this.#rooms.get(roomId) ?? new Map<ServerName, Set<EventId>>()
    this.#rooms.set(roomId, servers)
    const server = serverOf(sender)
    const own = servers.get(server) ?? new Set<EventId>()
    servers.set(server, own)
    // Of two forms of one event the whole one is kept.
    const isWorse = event.checked.redacted && known?.checked.redacted === false
    this.#byId.set(eventId, isWorse ? { ...event, checked: known.checked } : event)
    own.add(eventId)
    for (const id of event.missing) addTo(this.#waitingFor, id, eventId)
    if (own.size > limits.parkedPerSender) this.#drop(own, 'sender')
    if (this.sizeOf(roomId) > limits.parkedPerRoom) this.#drop(largest(servers), 'room')
    if (this.#byId.size > limits.parkedInAll) this.#drop(new Set(this.#byId.keys()), 'all')
    return this.#byId.has(eventId)
  }

  /** Takes out what waited for this event. */
  takeChildrenOf(eventId: EventId): ParkedEvent[] {
    const children = [...(this.#waitingFor.get(eventId) ?? [])].flatMap((id) => this.#byId.get(id) ?? [])
    for (const child of children) this.remove(child.checked.pdu.eventId)
    return children
  }

  /** Takes out everything, to try again. */
  takeAll(): ParkedEvent[] {
    const all = [...this.#byId.values()]
    for (const { checked } of all) this.remove(checked.pdu.eventId)
    return all
  }

  remove(eventId: EventId): void {
    const event = this.#byId.get(eventId)
    if (!event) return
    const { roomId, sender } = event.checked.pdu
    this.#byId.delete(eventId)
    const servers = this.#rooms.get(roomId)
    const own = servers?.get(serverOf(sender))
    own?.delete(eventId)
    if (own?.size === 0) servers?.delete(serverOf(sender))
    if (servers?.size === 0) this.#rooms.delete(roomId)
    for (const id of event.missing) {
      const waiting = this.#waitingFor.get(id)
      waiting?.delete(eventId)
      if (waiting?.size === 0) this.#waitingFor.delete(id)
    }
  }

  #drop(ids: ReadonlySet<EventId>, why: string): void {
    const [oldest] = ids
    if (oldest === undefined) return
    this.#count('parked_dropped', why)
    this.remove(oldest)
  }
}

function addTo(sets: Map<EventId, Set<EventId>>, key: EventId, value: EventId): void {
  const set = sets.get(key)
  if (set) set.add(value)
  else sets.set(key, new Set([value]))
}

function largest(servers: ReadonlyMap<ServerName, Set<EventId>>): ReadonlySet<EventId> {
  let most: ReadonlySet<EventId> = new Set()
  for (const ids of servers.values()) if (ids.size > most.size) most = ids
  return most
}
