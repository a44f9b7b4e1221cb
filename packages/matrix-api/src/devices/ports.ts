/** What devices, encryption keys and media need from accounts and sessions. Narrow, so that tests pass fakes. */
import type { BatchOperation, UserId } from '@starling/protocol'
import type { Call } from '../http/endpoint.ts'

/** User-Interactive Authentication (Client-Server API, "User-Interactive Authentication API"). */
export interface InteractiveAuth {
  /**
   * Resolves once the body's `auth` completes a flow for this operation; throws the 401 that offers the flows otherwise.
   * `operation` is constant per endpoint: a session begun for one operation is not valid for another.
   */
  authorize(call: Call, operation: string): Promise<void>
}

/** The sessions that hang on a device. */
export interface DeviceSessions {
  revokeDevice(userId: UserId, deviceId: string): Promise<void>
  readonly lastSeen: {
    get(userId: UserId, deviceId: string): Promise<{ readonly ts: number; readonly ip: string } | undefined>
  }
}

/** Something that keeps rows for a device: keys, one-time keys, to-device messages, pushers. */
export interface DeviceFollower {
  /** What removes all of the device's rows. Committed together with those of the others. */
  forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]>
}

/** Tells the world about a changed device. Implemented by `e2ee/device-lists.ts`. */
export interface DeviceChanges {
  /**
   * Commits `operations` as one durable change of the user's device list: wakes those who share rooms and announces the
   * device to other servers.
   */
  commitDevice(
    userId: UserId,
    deviceId: string,
    operations: readonly BatchOperation[],
    options?: { readonly deleted?: boolean },
  ): Promise<void>
}
