import type { UserId } from '@starling/protocol'

/**
 * Devices as logging in and out sees them (`devices/` implements it). A device exists from a login until a logout or its
 * deletion; its tokens are the session store's.
 */
export interface DeviceRegistry {
  /** Makes the device if it is new; the display name is only for new ones. Durable when it resolves. */
  ensure(userId: UserId, deviceId: string, initialDisplayName: string | undefined): Promise<void>
  /**
   * Removes devices with all that hangs on them (keys, to-device queue, pushers), tells those who share rooms, and
   * revokes their tokens through `Sessions.revokeDevice`. Unknown ones are ignored.
   */
  remove(userId: UserId, deviceIds: readonly string[]): Promise<void>
  /** Ids of all the user's devices. */
  list(userId: UserId): Promise<readonly string[]>
}
