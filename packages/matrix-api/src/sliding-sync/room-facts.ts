import { type JsonObject, type RoomId, type StateSlot, stateSlot, type UserId } from '@starling/protocol'
import type { Position, RoomEvent, RoomReader } from '../ports.ts'
import { asObject, stringIn } from '../rooms/content.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { eventsInOrder } from '../rooms/state-reading.ts'
import { strippedRoom } from '../sync/invited-room.ts'
import { roomHeroes } from '../sync/room-summary.ts'
import type { OrderedRoom } from './user-room-order.ts'

/** Rooms and spaces whose facts are kept, each a few words; the longest unused are read anew. */
const MAX_ROOMS = 20_000
const MAX_SPACES = 1_000

const CREATE = stateSlot('m.room.create', '')
const ENCRYPTION = stateSlot('m.room.encryption', '')
const NAME = stateSlot('m.room.name', '')
const ALIAS = stateSlot('m.room.canonical_alias', '')
const TOLD_BY: ReadonlySet<StateSlot> = new Set([CREATE, ENCRYPTION, NAME, ALIAS])
const CHILD = 'm.space.child'

/** What lists filter rooms by. */
export interface RoomFacts {
  /** `type` of the create event; null for a room without one. */
  readonly type: string | null
  readonly encrypted: boolean
  /** Its name, alias, or the names of its heroes. */
  readonly name: string
}

interface Kept<Value> {
  /** The room's activity that it is as of. */
  readonly at: Position
  readonly value: Value
}

/**
 * Facts about rooms, read once and again only when the state that tells them has changed. Of rooms that the user is not in
 * only their stripped state, or their state at leaving, is looked at.
 */
export class RoomFactsCache {
  readonly #reader: RoomReader
  readonly #joined = new LruCache<RoomId, Kept<RoomFacts>>(MAX_ROOMS)
  readonly #others = new LruCache<string, Kept<RoomFacts>>(MAX_ROOMS)
  readonly #spaces = new LruCache<RoomId, Kept<ReadonlySet<string>>>(MAX_SPACES)

  constructor(reader: RoomReader) {
    this.#reader = reader
  }

  /** What is known without reading. */
  known(userId: UserId, room: OrderedRoom): RoomFacts | undefined {
    const kept = this.#kept(userId, room)
    return kept?.at === room.activity ? kept.value : undefined
  }

  async of(userId: UserId, room: OrderedRoom): Promise<RoomFacts> {
    const { roomId } = room.row
    if (room.kind !== 'joined') {
      const value = await this.#factsOfOther(userId, room)
      this.#others.set(otherKey(userId, roomId), { at: room.activity, value })
      return value
    }
    const kept = this.#joined.get(roomId)
    const value =
      kept && (await this.#isUnchanged(roomId, kept.at)) ? kept.value : await this.#factsOfJoined(userId, roomId)
    this.#joined.set(roomId, { at: room.activity, value })
    return value
  }

  /** Rooms that a joined space names as its children (`m.space.child` with `via`), removed ones aside. */
  async childrenOf(space: OrderedRoom): Promise<ReadonlySet<string>> {
    const { roomId } = space.row
    const kept = this.#spaces.get(roomId)
    if (kept?.at === space.activity) return kept.value
    const prefix = stateSlot(CHILD, '')
    const ids = [...(await this.#reader.currentState(roomId))].filter(([slot]) => slot.startsWith(prefix))
    const events = await eventsInOrder(
      this.#reader,
      roomId,
      ids.map(([, id]) => id),
    )
    const value = new Set(
      events.filter(({ pdu }) => Array.isArray(pdu.content.via)).map(({ pdu }) => pdu.stateKey ?? ''),
    )
    this.#spaces.set(roomId, { at: space.activity, value })
    return value
  }

  #kept(userId: UserId, { kind, row: { roomId } }: OrderedRoom): Kept<RoomFacts> | undefined {
    return kind === 'joined' ? this.#joined.get(roomId) : this.#others.get(otherKey(userId, roomId))
  }

  async #isUnchanged(roomId: RoomId, at: Position): Promise<boolean> {
    const changes = await this.#reader.stateChanges(roomId, at, Number.MAX_SAFE_INTEGER)
    return !changes.some(({ slot }) => TOLD_BY.has(slot))
  }

  async #factsOfJoined(userId: UserId, roomId: RoomId): Promise<RoomFacts> {
    const state = await this.#reader.currentState(roomId)
    const ids = [CREATE, NAME, ALIAS].map((slot) => state.get(slot)).filter((id) => id !== undefined)
    const told = factsIn(await this.#reader.events(roomId, ids), state.has(ENCRYPTION))
    if (told.name !== '') return told
    const heroes = await roomHeroes(this.#reader, roomId, userId, state)
    return { ...told, name: heroes.map(({ pdu }) => stringIn(pdu.content, 'displayname') ?? pdu.stateKey).join(', ') }
  }

  async #factsOfOther(userId: UserId, room: OrderedRoom): Promise<RoomFacts> {
    const { roomId, eventId } = room.row
    if (room.kind === 'refused') return factsOf([], false)
    if (room.kind !== 'departed') {
      const stripped = await strippedRoom(this.#reader, userId, room.row)
      const events = stripped.map((event) => ({ type: event.type, content: asObject(event.content) }))
      const encrypted = events.some(({ type }) => type === 'm.room.encryption')
      return factsOf(events, encrypted)
    }
    const left = await this.#reader.stateAfter(roomId, eventId)
    const ids = [CREATE, NAME, ALIAS].map((slot) => left.get(slot)).filter((id) => id !== undefined)
    return factsIn(await this.#reader.events(roomId, ids), left.has(ENCRYPTION))
  }
}

function otherKey(userId: UserId, roomId: RoomId): string {
  return `${userId} ${roomId}`
}

function factsIn(events: readonly RoomEvent[], encrypted: boolean): RoomFacts {
  return factsOf(
    events.map(({ pdu }) => ({ type: pdu.type, content: pdu.content })),
    encrypted,
  )
}

function factsOf(
  events: readonly { readonly type: unknown; readonly content: JsonObject | undefined }[],
  encrypted: boolean,
): RoomFacts {
  const contentOf = (type: string) => events.find((event) => event.type === type)?.content
  return {
    encrypted,
    type: stringIn(contentOf('m.room.create'), 'type') ?? null,
    name: stringIn(contentOf('m.room.name'), 'name') || stringIn(contentOf('m.room.canonical_alias'), 'alias') || '',
  }
}
