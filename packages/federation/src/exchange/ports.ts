/**
 * What `exchange/` needs beyond the seams of `contracts.ts`. `packages/node` wires the real ones; tests pass fakes.
 */
import type {
  Clock,
  Crypto,
  EventId,
  JsonObject,
  KeyValueStore,
  Logger,
  RoomId,
  ServerName,
  UserId,
} from '@starling/protocol'
import type { KeyRing, RoomEngine, RoomSender, ServerRequests } from '../contracts.ts'
import type { Count, Timers } from '../net/ports.ts'
import type { LocalUsers } from '../ports.ts'
import type { PolicyCheck } from './access/policy-server.ts'
import type { RoomGate } from './access/room-gate.ts'

/** What local users see of rooms that this server may not be in. Implemented by the engine's reader. */
export interface RoomViews {
  membership(roomId: RoomId, userId: UserId): Promise<RoomView | undefined>
  /** Every room in which the local user has or had a membership. */
  roomsOf(userId: UserId): Promise<readonly RoomView[]>
}

export interface RoomView {
  readonly roomId: RoomId
  readonly membership: 'join' | 'invite' | 'leave' | 'ban' | 'knock'
  readonly eventId: EventId
  readonly sender: UserId
  /** What came with an invite or a knock. */
  readonly strippedState: readonly JsonObject[]
}

/**
 * Takes the EDUs of a transaction; the origin is proven, each EDU still has to be judged. Rejects where the transaction has to come
 * again: something could not be stored, or (`AnswerError` 429) there were too many.
 */
export type EduSink = (origin: ServerName, edus: readonly JsonObject[]) => Promise<void>

/** Aliases and published rooms of this server, where it offers them. */
export interface RoomDirectory {
  resolve(alias: string): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] } | undefined>
  /** Body of the `publicRooms` answer for these query parameters or this filter. */
  publicRooms(filter: JsonObject): Promise<JsonObject>
}

/** Whether local user `target` takes invites from `sender` (Client-Server API, "Invite permission"). */
export type InvitePolicy = (sender: UserId, target: UserId) => Promise<'allow' | 'block'>

export interface ExchangeParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly requests: ServerRequests
  readonly sender: RoomSender
  readonly views: RoomViews
  readonly users: LocalUsers
  readonly edus: EduSink
  /** For rejected invites that wait for a server; everything else that is durable is the engine's or net's. */
  readonly store: KeyValueStore
  readonly crypto: Crypto
  readonly clock: Clock
  readonly timers: Timers
  /** Uniform in [0, 1): jitter. */
  readonly random: () => number
  readonly logger: Logger
  readonly count?: Count
  readonly directory?: RoomDirectory
  readonly invitePolicy?: InvitePolicy
  /** Room versions that this server joins, knocks on and takes invites for. */
  readonly versions: readonly string[]
  /** Who may read and enter rooms; the real gate unless a test of the gate itself opens it. */
  readonly gate?: RoomGate
  /** Judges events in rooms that use a policy server; absent: nothing is asked of any. */
  readonly policyCheck?: PolicyCheck
}

export type { Count, Timers }
