import type { Clock, Logger, UserId } from '@starling/protocol'
import type { Requester } from '../http/endpoint.ts'
import type { Ephemeral, Presence } from '../ports.ts'

export type PresenceState = Presence['presence']

/** A device that has not synced for this long is no longer there, in ms. Clients come back within a second. */
const GONE_AFTER_MS = 30_000

/** Highest first: a user is what the most present of their devices is. */
const RANK: Readonly<Record<PresenceState, number>> = { online: 2, unavailable: 1, offline: 0 }

interface DevicePresence {
  presence: PresenceState
  openSyncs: number
  lastSeen: number
}

interface UserPresence {
  readonly devices: Map<string, DevicePresence>
  /** What was last told to others; undefined until something was. */
  published: PresenceState | undefined
  timer: NodeJS.Timeout | undefined
}

export interface PresenceDeps {
  readonly ephemeral: Pick<Ephemeral, 'setPresence' | 'presence'>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Makes users online by their syncs and offline when these stop (Client-Server API, "Presence"). Holds the devices of
 * users that are online only; others are told of changes, not of every sync.
 */
export class PresenceTracker {
  readonly #deps: PresenceDeps
  readonly #users = new Map<UserId, UserPresence>()

  constructor(deps: PresenceDeps) {
    this.#deps = deps
  }

  /** A device syncs with this `set_presence`; call what it returns when the sync ends. */
  async syncing(requester: Requester, presence: PresenceState): Promise<() => void> {
    const device = this.#device(requester)
    device.presence = presence
    device.openSyncs += 1
    device.lastSeen = this.#deps.clock.now()
    await this.#publish(requester.userId)
    return () => {
      device.openSyncs -= 1
      device.lastSeen = this.#deps.clock.now()
      this.#watch(requester.userId)
    }
  }

  /** The user says so themselves. `statusMsg` undefined clears the message. */
  async set(requester: Requester, presence: PresenceState, statusMsg: string | undefined): Promise<void> {
    const device = this.#device(requester)
    device.presence = presence
    device.lastSeen = this.#deps.clock.now()
    const user = this.#users.get(requester.userId)
    if (user) user.published = mostPresent(user)
    await this.#deps.ephemeral.setPresence(requester.userId, user?.published ?? presence, statusMsg)
    this.#watch(requester.userId)
  }

  /** Stops watching; nobody is told anything more. */
  stop(): void {
    for (const user of this.#users.values()) clearTimeout(user.timer)
    this.#users.clear()
  }

  #device({ userId, deviceId }: Requester): DevicePresence {
    let user = this.#users.get(userId)
    if (!user) {
      user = { devices: new Map(), published: undefined, timer: undefined }
      this.#users.set(userId, user)
    }
    let device = user.devices.get(deviceId)
    if (!device) {
      device = { presence: 'offline', openSyncs: 0, lastSeen: 0 }
      user.devices.set(deviceId, device)
    }
    return device
  }

  async #publish(userId: UserId): Promise<void> {
    const user = this.#users.get(userId)
    if (!user) return
    const presence = mostPresent(user)
    if (presence === user.published) return
    // A device that hides from the start tells nobody anything.
    if (user.published === undefined && presence === 'offline') return
    user.published = presence
    const before = await this.#deps.ephemeral.presence(userId)
    await this.#deps.ephemeral.setPresence(userId, presence, before?.statusMsg)
  }

  /** Looks again once the device seen last may be gone. */
  #watch(userId: UserId): void {
    const user = this.#users.get(userId)
    if (!user) return
    clearTimeout(user.timer)
    user.timer = setTimeout(() => {
      this.#expire(userId, user).catch((error: unknown) =>
        this.#deps.logger.warn({ userId, error: String(error) }, 'presence could not be updated'),
      )
    }, GONE_AFTER_MS)
    user.timer.unref()
  }

  async #expire(userId: UserId, user: UserPresence): Promise<void> {
    const before = this.#deps.clock.now() - GONE_AFTER_MS
    for (const [deviceId, device] of user.devices) {
      if (device.openSyncs === 0 && device.lastSeen <= before) user.devices.delete(deviceId)
    }
    await this.#publish(userId)
    if (user.devices.size === 0) this.#users.delete(userId)
  }
}

function mostPresent(user: UserPresence): PresenceState {
  let highest: PresenceState = 'offline'
  for (const { presence } of user.devices.values()) {
    if (RANK[presence] > RANK[highest]) highest = presence
  }
  return highest
}
