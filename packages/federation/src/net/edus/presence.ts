import type { Clock, UserId } from '@starling/protocol'
import { netLimits } from '../limits.ts'
import type { Positions } from './positions.ts'

export type PresenceState = 'online' | 'unavailable' | 'offline'

/** Fits matrix-api's port of the same name. */
export interface Presence {
  readonly userId: UserId
  readonly presence: PresenceState
  readonly statusMsg: string | undefined
  readonly lastActiveTs: number | undefined
  readonly currentlyActive: boolean
  readonly position: number
}

/** In memory: after a restart everybody is unknown until heard of. The user heard of longest ago is dropped first. */
export class PresenceBook {
  readonly #clock: Clock
  readonly #positions: Positions
  readonly #users = new Map<UserId, Presence & { readonly heardAt: number }>()
  #newest = 0

  constructor(clock: Clock, positions: Positions) {
    this.#clock = clock
    this.#positions = positions
  }

  get(userId: UserId): Presence | undefined {
    return this.#users.get(userId)
  }

  /** A new position only where a client would show something else. True then. */
  set(presence: Omit<Presence, 'position'>): boolean {
    const before = this.#users.get(presence.userId)
    const heardAt = this.#clock.now()
    const same =
      before?.presence === presence.presence &&
      before.statusMsg === presence.statusMsg &&
      before.currentlyActive === presence.currentlyActive
    this.#users.delete(presence.userId)
    if (same && before) {
      this.#users.set(presence.userId, { ...presence, position: before.position, heardAt })
      return false
    }
    const pending = this.#positions.allocate()
    this.#newest = pending.position
    this.#users.set(presence.userId, { ...presence, position: pending.position, heardAt })
    pending.done({ users: [presence.userId] })
    this.#bound()
    return true
  }

  changes(from: number, to: number): readonly Presence[] {
    if (this.#newest <= from) return []
    return [...this.#users.values()].filter(({ position }) => position > from && position <= to)
  }

  /** Those of whom nothing was heard for `ms` and who are not offline. */
  silentFor(ms: number): readonly Presence[] {
    const before = this.#clock.now() - ms
    const silent: Presence[] = []
    for (const entry of this.#users.values()) {
      if (entry.heardAt > before) break
      if (entry.presence !== 'offline') silent.push(entry)
    }
    return silent
  }

  all(): readonly Presence[] {
    return [...this.#users.values()]
  }

  #bound(): void {
    for (const userId of this.#users.keys()) {
      if (this.#users.size <= netLimits.presenceUsers) return
      this.#users.delete(userId)
    }
  }
}
