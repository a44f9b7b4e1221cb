/**
 * What the Client-Server API needs from the rooms between nodes. `federation` fits these structurally and `node` wires
 * the two; nothing here knows how events travel. Failures that a client must see are `RoomError`s with a stable `code`;
 * `http/` turns them into Matrix errors.
 */
import type {
  AbortOptions,
  EventId,
  JsonObject,
  Pdu,
  RoomAlias,
  RoomId,
  ServerName,
  StateMap,
  StateSlot,
  UserId,
} from '@starling/protocol'

/** One counter for the whole node. A client's sync token is a position: everything at or below it has been seen. */
export type Position = number

/** Whose syncs a write concerns. */
export interface Affected {
  readonly rooms?: readonly RoomId[]
  readonly users?: readonly UserId[]
}

/** A position handed out for a write that is under way. Readers see `position` only after one of the two calls. */
export interface PendingPosition {
  readonly position: Position
  /** The write is durable: wake those affected. */
  done(affected: Affected): void
  /** The write did not happen. */
  abandon(): void
}

export interface StreamPositions {
  /** The highest position below which every write is either visible or abandoned. */
  current(): Position
  allocate(): PendingPosition
  /**
   * Resolves true once a position beyond `since` concerns `interest` (which may change while waiting: it is asked
   * each time), false after `timeoutMs` or when the signal fires. True without asking where `since` lies before what is
   * remembered. With `timeoutMs` 0 `interest` is asked about everything remembered beyond `since`, and nothing is awaited.
   */
  wait(
    since: Position,
    interest: (affected: Affected) => boolean,
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<boolean>
}

export type Membership = 'join' | 'invite' | 'leave' | 'ban' | 'knock'

/** An event that a local user wants in a room. The engine adds the rest, checks it as it would a stranger's, and stores it. */
export interface EventDraft {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly type: string
  readonly stateKey?: string
  readonly content: JsonObject
  /** For `m.room.redaction`: put where the room version wants it. */
  readonly redacts?: EventId
}

/** Makes a client's retry idempotent (Client-Server API, "Transaction identifiers"): stored in the event's own batch. */
export interface ClientTransaction {
  readonly userId: UserId
  readonly deviceId: string
  readonly txnId: string
}

export interface CreateRoom {
  readonly creator: UserId
  readonly roomVersion: string
  /** Content of `m.room.create` beyond what the engine sets itself. */
  readonly creationContent: JsonObject
  /**
   * In order, after the create event and the creator's join: each checked by the auth rules. One atomic creation. If the first
   * is the creator's own join it takes that one's place, so that a profile can be in it.
   */
  readonly events: readonly Omit<EventDraft, 'roomId' | 'sender'>[]
}

export interface MembershipChange {
  readonly roomId: RoomId
  readonly sender: UserId
  /** Whose membership; the sender's own for join, leave and knock. */
  readonly target: UserId
  readonly membership: Membership
  readonly reason?: string
  /** Further keys of the content (`displayname`, `avatar_url`, `is_direct`, …). */
  readonly content?: JsonObject
  /** Servers that may be asked when this node is not in the room (join, knock, rejecting an invite). */
  readonly via?: readonly ServerName[]
}

/** Error codes that `Rooms` throws as `RoomError` (`name: 'RoomError'`, `code`, `message` fit for a person). */
export type RoomErrorCode =
  | 'unknown-room'
  | 'unknown-event'
  | 'forbidden'
  | 'unsupported-room-version'
  | 'incompatible-room-version'
  | 'too-large'
  | 'bad-content'
  | 'unreachable'
  | 'busy'

/** Writing to rooms. Every call resolves only when what it did is durable. */
export interface Rooms {
  readonly defaultVersion: string
  /** version → stability, for `GET /capabilities`. */
  readonly versions: { readonly [version: string]: 'stable' | 'unstable' }
  create(request: CreateRoom): Promise<RoomId>
  /** With a transaction seen before, resolves with the earlier event's id and does nothing. */
  send(draft: EventDraft, options?: { readonly transaction?: ClientTransaction }): Promise<EventId>
  /** Joins, invites, knocks, leaves, kicks and bans, over other nodes where that is needed. Already so: no new event. */
  changeMembership(change: MembershipChange, options?: AbortOptions): Promise<{ readonly eventId: EventId | undefined }>
  /** Drops a left or banned user's view of the room; history that no local user can see any more is removed. */
  forget(roomId: RoomId, userId: UserId): Promise<void>
}

/** An event as a reader gets it: redacted where a redaction applies. */
export interface RoomEvent {
  readonly pdu: Pdu
  /** Place in this node's timeline: the stream position for live events, negative for backfilled history; undefined for outliers. */
  readonly order: number | undefined
  readonly redactedBecause: Pdu | undefined
  /** The state event that this one replaced in its slot, for `unsigned.prev_content` and `replaces_state`. */
  readonly replaces: EventId | undefined
  /** The local client transaction that made it. */
  readonly transaction: ClientTransaction | undefined
}

export interface RoomMembership {
  readonly roomId: RoomId
  readonly membership: Membership
  readonly eventId: EventId
  readonly sender: UserId
  /** Position at which it became so. */
  readonly position: Position
  readonly forgotten: boolean
  /** Stripped state that came with an invite or a knock. */
  readonly strippedState: readonly JsonObject[]
}

export interface TimelineSlice {
  /** In the order of the walk: newest first when going backwards. */
  readonly events: readonly RoomEvent[]
  /** Exclusive bound to go on from; undefined at the end of what there is, here or (backwards) anywhere. */
  readonly next: number | undefined
}

export interface StateChange {
  readonly slot: StateSlot
  /** Undefined where resolution emptied the slot. */
  readonly eventId: EventId | undefined
  readonly position: Position
}

/** Reading rooms. No method checks who may see what: `rooms/visibility.ts` in matrix-api does. */
export interface RoomReader {
  roomVersion(roomId: RoomId): Promise<string | undefined>
  membership(roomId: RoomId, userId: UserId): Promise<RoomMembership | undefined>
  /** Every room in which the local user has or had a membership. */
  roomsOf(userId: UserId): Promise<readonly RoomMembership[]>
  /** Position of the room's newest change of any kind (event, state), to skip quiet rooms cheaply. */
  lastChange(roomId: RoomId): Promise<Position>
  currentState(roomId: RoomId): Promise<StateMap>
  /** Room state just before and just after an event that is in the DAG. */
  stateBefore(roomId: RoomId, eventId: EventId): Promise<StateMap>
  stateAfter(roomId: RoomId, eventId: EventId): Promise<StateMap>
  /** Changes of the current state with `from < position <= to`, oldest first. */
  stateChanges(roomId: RoomId, from: Position, to: Position): Promise<readonly StateChange[]>
  stateEvent(roomId: RoomId, type: string, stateKey: string): Promise<RoomEvent | undefined>
  /** Only if the event is in that room and accepted (not rejected, not soft-failed). */
  event(roomId: RoomId, eventId: EventId): Promise<RoomEvent | undefined>
  events(roomId: RoomId, eventIds: readonly EventId[]): Promise<readonly RoomEvent[]>
  /**
   * Walks the timeline: forwards `from < order <= to`, backwards `from >= order > to` (bounds optional). Going backwards
   * past what is stored, fetches history from other members within a time bound.
   */
  timeline(
    roomId: RoomId,
    walk: { readonly direction: 'f' | 'b'; readonly from?: number; readonly to?: number; readonly limit: number },
    options?: AbortOptions,
  ): Promise<TimelineSlice>
  /** Events that relate to this one (`m.relates_to`), newest first. */
  relations(
    roomId: RoomId,
    eventId: EventId,
    filter: { readonly relType?: string; readonly eventType?: string; readonly from?: number; readonly limit: number },
  ): Promise<TimelineSlice>
  /** Counts for `m.room.summary`: joined and invited members of the current state. */
  memberCounts(roomId: RoomId): Promise<{ readonly joined: number; readonly invited: number }>
  /** Users with whom this user shares a room in which both are joined. */
  sharesRoomWith(userId: UserId): Promise<ReadonlySet<UserId>>
}

export interface TypingNotice {
  readonly users: readonly UserId[]
  readonly position: Position
}

export interface Receipt {
  readonly type: 'm.read' | 'm.read.private' | 'm.fully_read'
  readonly userId: UserId
  readonly eventId: EventId
  /** undefined (unthreaded), `main`, or a thread root. */
  readonly threadId: string | undefined
  readonly ts: number
  readonly position: Position
}

export interface Presence {
  readonly userId: UserId
  readonly presence: 'online' | 'unavailable' | 'offline'
  readonly statusMsg: string | undefined
  /** Milliseconds since the Unix epoch of the last activity; undefined where unknown. */
  readonly lastActiveTs: number | undefined
  readonly currentlyActive: boolean
  readonly position: Position
}

/** What is about people rather than of the room: local changes go out to other members' nodes, remote ones come in checked. */
export interface Ephemeral {
  setTyping(roomId: RoomId, userId: UserId, timeoutMs: number | undefined): Promise<void>
  typing(roomId: RoomId): TypingNotice
  /** `m.read.private` stays on this node. */
  setReceipt(roomId: RoomId, receipt: Omit<Receipt, 'position' | 'ts'>): Promise<void>
  /** Receipts with `from < position <= to`, private ones of everybody included: the caller filters. */
  receipts(roomId: RoomId, from: Position, to: Position): Promise<readonly Receipt[]>
  receiptOf(roomId: RoomId, userId: UserId, type: Receipt['type'], threadId?: string): Promise<Receipt | undefined>
  setPresence(userId: UserId, presence: Presence['presence'], statusMsg: string | undefined): Promise<void>
  presence(userId: UserId): Promise<Presence | undefined>
  /** Presence of users in `from < position <= to`. */
  presenceChanges(from: Position, to: Position): Promise<readonly Presence[]>
}

/** Messages from local users' clients to other servers. Durable in an outbox before they resolve; delivered when the server is met. */
export interface Outbound {
  toDevice(message: {
    readonly sender: UserId
    readonly type: string
    readonly messageId: string
    /** user id → device id or `*` → content; users of other servers only. */
    readonly messages: { readonly [userId: string]: { readonly [deviceId: string]: JsonObject } }
  }): Promise<void>
  /** `m.device_list_update` content for a local user's device, to every server that shares a room with the user. */
  deviceListUpdate(update: JsonObject & { readonly user_id: UserId; readonly device_id: string }): Promise<void>
  /** `m.signing_key_update` for a local user. */
  signingKeyUpdate(update: JsonObject & { readonly user_id: UserId }): Promise<void>
  /** The owner's display name changed: rendezvous points follow. */
  profileChanged(userId: UserId, profile: { readonly displayName?: string; readonly avatarUrl?: string }): Promise<void>
}

export interface RemoteMedia {
  readonly size: number
  readonly contentType: string
  readonly filename: string | undefined
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Questions to other servers. Each is bounded in time; `RoomError` code `unreachable` when nobody answers for it. */
export interface RemoteServers {
  profile(userId: UserId, options?: AbortOptions): Promise<JsonObject | undefined>
  /** Server-server `POST /user/keys/query`: the answer as received, checked only for shape by the caller. */
  queryKeys(server: ServerName, body: JsonObject, options?: AbortOptions): Promise<JsonObject>
  claimKeys(server: ServerName, body: JsonObject, options?: AbortOptions): Promise<JsonObject>
  devices(userId: UserId, options?: AbortOptions): Promise<JsonObject>
  resolveAlias(
    alias: RoomAlias,
    options?: AbortOptions,
  ): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] } | undefined>
  publicRooms(server: ServerName, body: JsonObject, options?: AbortOptions): Promise<JsonObject>
  /** Server-server `GET /hierarchy/{roomId}`, as received; undefined where that server does not tell of the room. */
  hierarchy(server: ServerName, roomId: RoomId, options?: AbortOptions): Promise<JsonObject | undefined>
  media(server: ServerName, mediaId: string, options?: AbortOptions): Promise<RemoteMedia | undefined>
}

export interface FoundUser {
  readonly userId: UserId
  readonly displayName: string | undefined
  readonly avatarUrl: string | undefined
}

/** People on the LAN and the DHT (DESIGN section 4, "User search"). What it yields has been verified. */
export interface UserSearch {
  search(term: string, limit: number, options?: AbortOptions): Promise<readonly FoundUser[]>
}
