import { type EventId, type RoomId, slotKey, type UserId } from '@starling/protocol'
import type { RoomEvent, RoomMembership, RoomReader } from '../ports.ts'
import type { DeviceListStream } from '../sync/ports.ts'
import type { DeviceLists } from './device-lists.ts'
import type { RemoteDeviceLists } from './remote/remote-device-lists.ts'

export interface DeviceListChangesDeps {
  readonly rooms: RoomReader
  readonly lists: DeviceLists
  readonly remoteLists: RemoteDeviceLists
  readonly isLocal: (userId: UserId) => boolean
}

interface Window {
  readonly from: number
  readonly to: number
  /** Where known, the only rooms with anything in the window. */
  readonly touched: ReadonlySet<RoomId> | undefined
}

/** Users that membership changes in a room brought or took, candidates only. */
interface Moves {
  readonly came: Set<UserId>
  readonly went: Set<UserId>
}

/**
 * `device_lists` of a sync and `GET /keys/changes` (Client-Server API, "Extensions to /sync" of end-to-end encryption). A user
 * who comes to share another room may be reported although a room was shared before, as the spec allows.
 */
export class DeviceListChanges implements DeviceListStream {
  readonly #deps: DeviceListChangesDeps

  constructor(deps: DeviceListChangesDeps) {
    this.#deps = deps
  }

  async changes(
    userId: UserId,
    from: number,
    to: number,
    touched?: ReadonlySet<RoomId>,
  ): Promise<{ readonly changed: readonly UserId[]; readonly left: readonly UserId[] }> {
    const { rooms, lists } = this.#deps
    const moves: Moves = { came: new Set(), went: new Set() }
    const [updated, signed] = await Promise.all([
      lists.changedBetween(from, to),
      lists.signedBetween(userId, from, to),
      this.#collectAllMoves(userId, { from, to, touched }, moves),
    ])
    // Most syncs have none of these; who shares rooms is the dear question, so it is asked last.
    if (moves.came.size + moves.went.size + updated.length === 0) return { changed: signed, left: [] }
    const shares = await rooms.sharesRoomWith(userId)
    const came = [...moves.came].filter((user) => shares.has(user))
    const left = [...moves.went].filter((user) => user !== userId && !shares.has(user))
    const seen = updated.filter((user) => user === userId || shares.has(user))
    await this.#refreshRemote(came, left)
    return { changed: [...new Set([...seen, ...came, ...signed])], left }
  }

  async #collectAllMoves(userId: UserId, window: Window, moves: Moves): Promise<void> {
    const { from, to, touched } = window
    for (const room of await this.#deps.rooms.roomsOf(userId)) {
      if (touched && !touched.has(room.roomId) && room.position <= from) continue
      await this.#collectMoves(userId, room, from, to, moves)
    }
  }

  async #collectMoves(userId: UserId, room: RoomMembership, from: number, to: number, moves: Moves): Promise<void> {
    const { rooms } = this.#deps
    const { roomId, membership, position } = room
    if (position > from && position <= to) await this.#collectOwnMove(userId, room, moves)
    if (membership !== 'join' || (await rooms.lastChange(roomId)) <= from) return
    for (const { slot, eventId } of await rooms.stateChanges(roomId, from, to)) {
      const { type, stateKey } = slotKey(slot)
      if (type !== 'm.room.member' || stateKey === userId) continue
      const move = await this.#moveBy(roomId, eventId)
      if (move === 'came') moves.came.add(stateKey as UserId)
      else if (move === 'went') moves.went.add(stateKey as UserId)
    }
  }

  /** The user's own move: everybody there is new, or may be lost. */
  async #collectOwnMove(userId: UserId, { roomId, membership, eventId }: RoomMembership, moves: Moves): Promise<void> {
    const { rooms } = this.#deps
    const hasLeft = membership === 'leave' || membership === 'ban'
    if (membership !== 'join' && !hasLeft) return
    // An invite refused: the user was with nobody there.
    if (hasLeft && (await this.#moveBy(roomId, eventId)) === 'none') return
    const target = hasLeft ? moves.went : moves.came
    for (const slot of (await rooms.currentState(roomId)).keys()) {
      const { type, stateKey } = slotKey(slot)
      if (type === 'm.room.member' && stateKey !== userId) target.add(stateKey as UserId)
    }
  }

  /** Whether the event brings or takes its user. A change of display name does neither, nor do invites and their refusals. */
  async #moveBy(roomId: RoomId, eventId: EventId | undefined): Promise<'came' | 'went' | 'none'> {
    const event = eventId && (await this.#deps.rooms.event(roomId, eventId))
    // State resolution took the membership away, or its event is not stored: they may have gone.
    if (!event) return 'went'
    const before = event.replaces && (await this.#deps.rooms.event(roomId, event.replaces))
    const [was, is] = [before && isJoin(before), isJoin(event)]
    if (is) return was ? 'none' : 'came'
    const isUnknown = event.replaces !== undefined && before === undefined
    return was || isUnknown ? 'went' : 'none'
  }

  /** Updates are only sent to servers that share a room: what was cached before may be old, what is left will get old. */
  async #refreshRemote(came: readonly UserId[], left: readonly UserId[]): Promise<void> {
    const { remoteLists, isLocal, lists } = this.#deps
    await remoteLists.markStale(came.filter((user) => !isLocal(user)))
    for (const user of left) {
      if (!isLocal(user) && (await lists.interestedIn(user)).length === 0) await remoteLists.forget([user])
    }
  }
}

function isJoin({ pdu }: RoomEvent): boolean {
  return pdu.content.membership === 'join'
}
