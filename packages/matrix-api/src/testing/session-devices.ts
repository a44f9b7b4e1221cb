import type { UserId } from '@starling/protocol'
import type { DeviceRegistry } from '../session/device-registry.ts'
import type { Sessions } from '../session/sessions.ts'

/** A `DeviceRegistry` that knows devices only by their sessions: for tests of what needs no device keys. */
export class SessionDevices implements DeviceRegistry {
  readonly #sessions: Sessions

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  async ensure(): Promise<void> {}

  async remove(userId: UserId, deviceIds: readonly string[]): Promise<void> {
    for (const deviceId of deviceIds) await this.#sessions.revokeDevice(userId, deviceId)
  }

  list(userId: UserId): Promise<readonly string[]> {
    return this.#sessions.devicesOf(userId)
  }
}
