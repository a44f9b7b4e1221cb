/**
 * What /sync and the room operations need from the rest of this package. Narrow on purpose: accounts, push, devices and
 * e2ee each fit one of these structurally, and tests pass fakes. Every stream is read as `(from, to]` in positions.
 */
import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import type { Position, RoomEvent } from '../ports.ts'

export interface AccountDataChange {
  /** undefined for global account data. */
  readonly roomId: RoomId | undefined
  readonly type: string
  readonly content: JsonObject
  readonly position: Position
}

/** Account data (Client-Server API, "Client Config"), push rules included as the global type `m.push_rules`. */
export interface AccountData {
  get(userId: UserId, roomId: RoomId | undefined, type: string): Promise<JsonObject | undefined>
  /** For what the server itself keeps there (`m.fully_read`, copies at a room upgrade). Durable and awake when it resolves. */
  put(userId: UserId, roomId: RoomId | undefined, type: string, content: JsonObject): Promise<void>
  /**
   * The newest content of each type changed in `from < position <= to`, oldest first. `from` 0 is everything there is.
   * One read for the whole user, global and rooms together.
   */
  changes(userId: UserId, from: Position, to: Position): Promise<readonly AccountDataChange[]>
  /** Local users who had their content erased, and the position at which they had it. Nearly always none; read at every sync. */
  erased(): Promise<ReadonlyMap<UserId, Position>>
}

/** To-device messages waiting for one device (Client-Server API, "Send-to-Device messaging"). */
export interface ToDeviceInbox {
  /** At most `limit` messages with `from < position <= to`, oldest first; each `{type, sender, content}` with its position. */
  messages(
    userId: UserId,
    deviceId: string,
    from: Position,
    to: Position,
    limit: number,
  ): Promise<readonly { readonly position: Position; readonly event: JsonObject }[]>
  /** The client has proven that it holds everything up to and including `position`. */
  deleteUpTo(userId: UserId, deviceId: string, position: Position): Promise<void>
}

/** Who to look up again, for `device_lists` (Client-Server API, "Extensions to /sync" of end-to-end encryption). */
export interface DeviceListStream {
  /**
   * `changed`: users sharing a room with `userId` whose devices or cross-signing keys changed in `from < position <= to`,
   * or who came to share a room; `left`: those who no longer share any. `touched`, where known: the only rooms in which
   * anything happened after `from`.
   */
  changes(
    userId: UserId,
    from: Position,
    to: Position,
    touched?: ReadonlySet<RoomId>,
  ): Promise<{ readonly changed: readonly UserId[]; readonly left: readonly UserId[] }>
}

/** What is left of a device's uploaded keys. Read at every sync: must be cheap. */
export interface DeviceKeyCounts {
  oneTimeKeyCounts(userId: UserId, deviceId: string): Promise<{ readonly [algorithm: string]: number }>
  unusedFallbackKeyTypes(userId: UserId, deviceId: string): Promise<readonly string[]>
}

export interface PushVerdict {
  readonly notify: boolean
  readonly highlight: boolean
}

/** Push rules applied to events (Client-Server API, "Push Notifications"). */
export interface PushEvaluation {
  /** One verdict per event, in order. Own events never notify, nor do redacted ones. The room's facts (members, power levels) are read once. */
  evaluate(userId: UserId, roomId: RoomId, events: readonly RoomEvent[]): Promise<readonly PushVerdict[]>
  /** Changes whenever the user's rules do, so that cached counts can be thrown away. */
  rulesVersion(userId: UserId): Promise<number>
}

/** Display names and avatars of local users, put into the membership events that this server makes for them. */
export interface Profiles {
  /** `displayname` and `avatar_url`, each only where set. */
  memberContent(userId: UserId): Promise<{ readonly displayname?: string; readonly avatar_url?: string }>
}

/** Local accounts, as far as rooms care. */
export interface LocalAccounts {
  isLocal(userId: UserId): boolean
  exists(userId: UserId): Promise<boolean>
}

/** A thread's root, or `main` for what is in none (Client-Server API, "Threaded read receipts"). */
export type ThreadId = EventId | 'main'
