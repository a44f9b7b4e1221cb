import type { RoomId, UserId } from '@starling/protocol'
import { netLimits } from '../limits.ts'
import type { Timers } from '../ports.ts'
import type { Positions } from './positions.ts'

interface RoomTyping {
  /** User → the way to cancel the timeout. In order of beginning. */
  readonly users: Map<UserId, () => void>
  position: number
}

/**
 * Who is typing where, in memory, until they stop or their time is over. Bounded: of a room's typers the one who began first is
 * dropped first, of the rooms the one quiet for longest.
 */
export class Typing {
  readonly #positions: Positions
  readonly #timers: Timers
  readonly #rooms = new Map<RoomId, RoomTyping>()

  constructor(positions: Positions, timers: Timers) {
    this.#positions = positions
    this.#timers = timers
  }

  get(roomId: RoomId): { readonly users: readonly UserId[]; readonly position: number } {
    const room = this.#rooms.get(roomId)
    return { users: [...(room?.users.keys() ?? [])], position: room?.position ?? 0 }
  }

  /** `timeoutMs` undefined: stopped. `expired` is called if the time runs out. True if the list of typers changed. */
  set(roomId: RoomId, userId: UserId, timeoutMs: number | undefined, expired?: () => void): boolean {
    const room = this.#room(roomId)
    const before = room.users.get(userId)
    before?.()
    if (timeoutMs === undefined) {
      if (!room.users.delete(userId)) return false
    } else {
      const cancel = this.#timers.after(Math.min(timeoutMs, netLimits.typingTimeoutMaxMs), () => {
        this.set(roomId, userId, undefined)
        expired?.()
      })
      room.users.set(userId, cancel)
      if (before) return false
      this.#bound(room)
    }
    const pending = this.#positions.allocate()
    room.position = pending.position
    pending.done({ rooms: [roomId] })
    return true
  }

  stop(): void {
    for (const room of this.#rooms.values()) for (const cancel of room.users.values()) cancel()
    this.#rooms.clear()
  }

  #room(roomId: RoomId): RoomTyping {
    const room = this.#rooms.get(roomId) ?? { users: new Map(), position: 0 }
    // Moved to the end: the first is the one quiet for longest.
    this.#rooms.delete(roomId)
    this.#rooms.set(roomId, room)
    if (this.#rooms.size > netLimits.typingRooms) this.#dropQuietest()
    return room
  }

  #dropQuietest(): void {
    for (const [roomId, room] of this.#rooms) {
      for (const cancel of room.users.values()) cancel()
      this.#rooms.delete(roomId)
      return
    }
  }

  #bound(room: RoomTyping): void {
    if (room.users.size <= netLimits.typersPerRoom) return
    for (const [userId, cancel] of room.users) {
      cancel()
      room.users.delete(userId)
      return
    }
  }
}
