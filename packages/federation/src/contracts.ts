/**
 * The seams inside federation. `room/` (the engine) knows no peer; `exchange/` (joins, answers, fetching, anti-entropy) knows
 * servers but no transport; `net/` (keys, signed requests, gossip, outbox, EDUs, discovery) carries bytes. Each side
 * declares here what it gives the others, so that each can be tested alone.
 */
import type {
  AbortOptions,
  EventId,
  JsonObject,
  Pdu,
  RoomId,
  ServerName,
  StateMap,
  StateSlot,
  UserId,
} from '@starling/protocol'
import type { PeerId } from './ports.ts'

// ---------------------------------------------------------------------------------------------------- keys (net/)

/** Keys by server name. Self-authenticating: the name holds the identity key that signs the rest. */
export interface KeyRing {
  readonly serverName: ServerName
  /** Own `server_keys`, fresh and signed, to send beside events and requests. */
  ownServerKeys(): JsonObject
  /**
   * Checks `server_keys` against the identity key in the name, stores what is new. Cheap for what is already known. `keep`
   * false, for what strangers show: held in memory only, since names cost nothing and each could fill 64 KiB of the disk. Who gives
   * `storing` is answered before new keys are on the disk, and waits for what is added there.
   */
  admit(
    serverKeys: unknown,
    options?: { readonly keep?: boolean; readonly storing?: Promise<void>[] },
  ): Promise<{ readonly ok: true; readonly server: ServerName } | { readonly ok: false; readonly reason: string }>
  /** Public signing key valid at that time (ms); from the store only, never the network. */
  verifyKey(server: ServerName, keyId: string, at: number): Promise<Uint8Array | undefined>
  /** The stored `server_keys` of a server, to forward with its events. */
  serverKeysOf(server: ServerName): Promise<JsonObject | undefined>
  /** Adds this server's signature (spec, "Signing JSON") with the current signing key. */
  sign(json: JsonObject): JsonObject
  /** The server that this connected peer has proven to be; undefined before `/starling/keys/1` is done. */
  serverOfPeer(peer: PeerId): ServerName | undefined
  /** Connected, authorised peers of a server. */
  peersOf(server: ServerName): readonly PeerId[]
}

// ---------------------------------------------------------------------------------------------------- engine (room/)

/** A PDU that passed the checks which need no room state: size, format, hash (else redacted), signatures. */
export interface CheckedPdu {
  readonly pdu: Pdu
  readonly roomVersion: string
  /** True where the content hash did not match and `pdu` is therefore the redacted form. */
  readonly redacted: boolean
}

export type CheckResult =
  | { readonly ok: true; readonly checked: CheckedPdu }
  /** `code` is stable and labels the metric; `reason` is for the log. */
  | { readonly ok: false; readonly code: string; readonly reason: string }

/** What became of a PDU (server-server API, "Checks performed on receipt of a PDU"). */
export type Verdict =
  | { readonly kind: 'accepted'; readonly eventId: EventId; readonly position: number }
  | { readonly kind: 'soft-failed'; readonly eventId: EventId; readonly reason: string }
  | { readonly kind: 'rejected'; readonly eventId: EventId; readonly reason: string }
  | { readonly kind: 'outlier'; readonly eventId: EventId }
  | { readonly kind: 'duplicate'; readonly eventId: EventId }
  /** Nothing stored yet: these parents or auth events have to be had first. */
  | {
      readonly kind: 'waiting'
      readonly eventId: EventId
      readonly missingPrev: readonly EventId[]
      readonly missingAuth: readonly EventId[]
    }
  /** The room is not joined here, or its queue is full. */
  | { readonly kind: 'refused'; readonly eventId: EventId; readonly reason: string }

/** State of a room as a joining or catching-up server hands it over: every event already checked one by one. */
export interface RoomImport {
  readonly roomId: RoomId
  readonly roomVersion: string
  /** State before `event`, and the auth chains of it all, in any order. */
  readonly state: readonly CheckedPdu[]
  readonly authChain: readonly CheckedPdu[]
  /** The join event itself. */
  readonly event: CheckedPdu
}

/** A room that is being entered in pieces, because its state is large. */
export interface StagedRoom {
  readonly roomId: RoomId
  readonly roomVersion: string
  /** There is no other create event in it. */
  readonly createId: EventId
}

export interface StagedImport extends StagedRoom {
  /** Ids of the state before `event`. All of it, and the auth chains, have been staged. */
  readonly state: readonly EventId[]
  /** The join event itself. */
  readonly event: CheckedPdu
}

/** `exact`: nothing of the room is another server's word. `too-large`: some is, and the room is too large to judge it again. */
export type Certainty = 'exact' | 'reported' | 'too-large'

export interface LocalDraft {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly type: string
  readonly stateKey?: string
  readonly content: JsonObject
  readonly redacts?: EventId
}

export interface DraftTransaction {
  readonly userId: UserId
  readonly deviceId: string
  readonly txnId: string
}

/** One room's DAG and state, one writer at a time. Every write is one atomic durable batch that holds its outbox row. */
export interface RoomEngine {
  /** The stateless checks; uses the key ring's store. `roomVersion` decides format and rules. */
  check(json: JsonObject, roomVersion: string): Promise<CheckResult>
  /** {@link check} of each of a list, in its order; signatures are verified beside the event loop where that is possible. */
  checkAll(list: readonly JsonObject[], roomVersion: string): Promise<readonly CheckResult[]>
  roomVersion(roomId: RoomId): Promise<string | undefined>
  /** Rooms in which a local user is joined. */
  joinedRooms(): Promise<readonly RoomId[]>
  /**
   * Takes a remote (or own, echoed) PDU through the ingest stages. With `publish`, an accepted one also gets an outbox row
   * and `localEvent`: what this server lets into the room for another (`send_join` and kin), and own invites made by
   * `template` and `finish`. With `onlyAccepted`, nothing is stored of one that is not: for what comes from outside the
   * room, whose senders could fill the disk otherwise. With `softFail`, what would be accepted is soft-failed for that
   * reason, whatever the state: the policy server does not recommend the event.
   */
  receive(
    checked: CheckedPdu,
    options?: {
      readonly publish?: boolean
      readonly onlyAccepted?: boolean
      readonly softFail?: string | undefined
    },
  ): Promise<Verdict>
  /** Takes history before what is stored: placed in the timeline at negative order, state as given by its neighbours. */
  receiveHistory(events: readonly CheckedPdu[]): Promise<readonly Verdict[]>
  /** Stores events as outliers (auth chains). */
  receiveOutliers(events: readonly CheckedPdu[]): Promise<readonly Verdict[]>
  /** Missing parents that nobody gives: state before the event, as a member reports it, lets it in (`state_ids`). */
  receiveWithState(
    checked: CheckedPdu,
    stateBefore: readonly CheckedPdu[],
    authChain: readonly CheckedPdu[],
    options?: { readonly softFail?: string | undefined },
  ): Promise<Verdict>
  /** Enters a room by a join that another server accepted. */
  importRoom(room: RoomImport): Promise<Verdict>
  /**
   * Keeps a part of the state of a room that is being entered, judged by its auth events, which have to be staged before
   * or with it. Durable when it resolves; nobody sees it before `importStaged`.
   */
  stageEvents(room: StagedRoom, events: readonly CheckedPdu[]): Promise<readonly Verdict[]>
  /** Enters a room by a join that another server accepted, on top of the state that has been staged. */
  importStaged(room: StagedImport): Promise<Verdict>
  /** Takes away what was staged of a room that is not entered after all; what was here before stays. */
  abandonStaged(roomId: RoomId): Promise<void>
  /** An invite, a knock, or a leave of either, for a room that this server is not in. */
  storeOutOfRoomMembership(checked: CheckedPdu, strippedState: readonly JsonObject[]): Promise<Verdict>
  /** Builds, signs, authorises and stores an event of a local user. */
  send(draft: LocalDraft, options?: { readonly transaction?: DraftTransaction }): Promise<EventId>
  /**
   * The unsigned, unhashed event that `draft` would become: prev, auth, depth. For make_join templates and invites, so
   * `sender` may be of another server. Throws RoomError `forbidden` where the auth rules refuse it by the current state
   * (the signature that `join_authorised_via_users_server` asks for is not looked at: it cannot be there yet).
   */
  template(draft: LocalDraft): Promise<JsonObject>
  /** Completes a template's event with hash and this server's signature. */
  finish(event: JsonObject, roomVersion: string): CheckedPdu
  /** Stored events, rejected ones left out; outliers are in. */
  events(eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, StoredPdu>>
  /**
   * Those of the ids that stand in the DAG, whatever became of them. Rejected ones are among them: who stands on one has to judge it
   * like everybody else, so they are walked through and given to members.
   */
  dagEvents(eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, Pdu>>
  /** Those of the ids that stand in the DAG (accepted, soft-failed, rejected): no child waits for them, nobody fetches them. */
  inDag(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>>
  /** Rooms of which some state is another server's word: whose history has gaps that verdicts rest on. */
  reportedRooms(): Promise<readonly RoomId[]>
  /** Whether verdicts in a room that is here rest on others' word. */
  certainty(roomId: RoomId): Promise<Certainty>
  /** Judges such a room again, from its create event on, by the ancestors that are here now. */
  rejudge(roomId: RoomId): Promise<Certainty>
  forwardExtremities(roomId: RoomId): Promise<readonly EventId[]>
  /** Leaves of the DAG that the current state refuses, at most 100: no extremities, but what these are follows from them too. */
  deadLeaves(roomId: RoomId): Promise<readonly EventId[]>
  /** Events whose parents are not here, with the smallest depth first. */
  backwardExtremities(roomId: RoomId): Promise<readonly EventId[]>
  currentState(roomId: RoomId): Promise<StateMap>
  stateBefore(roomId: RoomId, eventId: EventId): Promise<StateMap | undefined>
  /** Some slots of the state before an event: in a large room far cheaper than all of it. Empty ones are left out. */
  stateBeforeSlots(
    roomId: RoomId,
    eventId: EventId,
    slots: readonly StateSlot[],
  ): Promise<ReadonlyMap<StateSlot, EventId> | undefined>
  /** Had a user of that server one of these memberships in the state before the event? False where the event is not in the DAG. */
  isServerMemberAt(
    roomId: RoomId,
    eventId: EventId,
    server: ServerName,
    memberships: ReadonlySet<string>,
  ): Promise<boolean>
  /**
   * Where a room has many forward extremities, sends an event that no client sees and that joins up to 20 of them, in the name
   * of a local user who may. Undefined where there are few, or nobody may.
   */
  mergeExtremities(roomId: RoomId): Promise<EventId | undefined>
  /** Ids of the whole auth chain of these events. */
  authChain(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>>
  /** Servers with a joined user in the current state. Cached; O(1) when nothing changed. */
  joinedServers(roomId: RoomId): Promise<ReadonlySet<ServerName>>
  isServerJoined(roomId: RoomId, server: ServerName): boolean
  /** Told after each durable change; never awaited by the writer. */
  watch(watcher: RoomWatcher): () => void
}

export interface StoredPdu {
  readonly pdu: Pdu
  readonly roomVersion: string
  readonly status: 'accepted' | 'soft-failed' | 'outlier'
  /** The content hash did not match; the whole event is still to be had, perhaps. Absent where a redaction applies. */
  readonly incomplete?: boolean
  /** History from before this server came in: the state around it is guessed and good for showing it, not for judging by. */
  readonly approximate?: boolean
}

export interface RoomWatcher {
  /** A local event is durable and stands in the outbox. */
  localEvent?(roomId: RoomId, event: Pdu): void
  accepted?(roomId: RoomId, event: Pdu): void
  /** The set of joined servers of the room changed; also when this server enters or leaves it. */
  serversChanged?(roomId: RoomId): void
}

/** Local events that wait to be published: rows written in the event's own batch. Implemented by the engine's store. */
export interface PduOutbox {
  /** The oldest rows first; with `after`, those whose id is greater. */
  pending(limit: number, after?: OutboxRow['id']): Promise<readonly OutboxRow[]>
  /** Published (or there is nobody to publish to): the rows go. */
  done(ids: readonly OutboxRow['id'][]): Promise<void>
}

export interface OutboxRow {
  /** Place in the outbox: grows with time, never used twice. */
  readonly id: number
  readonly roomId: RoomId
  readonly pdu: Pdu
}

// ---------------------------------------------------------------------------------------------------- exchange/

/** What `exchange/` has to send that is not an answer. Implemented by net/. */
export interface RoomSender {
  /**
   * Publishes an event that is not this server's own on the room's topic, with its origin's stored `server_keys`: a join
   * accepted through `send_join`, a leave, a knock. Best effort: anti-entropy makes it whole.
   */
  publish(roomId: RoomId, pdu: Pdu): Promise<{ readonly recipients: number }>
  /**
   * Stands in the durable outbox of the destination until a request with it succeeds or is refused with a 4xx: for invites
   * and leaves that find nobody at home. In order with what else waits for that server. Durable when it resolves.
   */
  enqueueRequest(destination: ServerName, method: 'PUT' | 'POST', uri: string, content: JsonObject): Promise<void>
}

/** One signed request to a server (`/starling/request/1`), routed to any of its peers or relayed through a common member. */
export interface ServerRequests {
  /** Throws `RequestError` (`code`: unreachable, timeout, refused with `status` and `errcode`, malformed). */
  request(
    destination: ServerName,
    method: 'GET' | 'PUT' | 'POST',
    uri: string,
    content?: JsonObject,
    options?: AbortOptions & { readonly maxResponseBytes?: number; readonly timeoutMs?: number },
  ): Promise<JsonObject>
  /** The same servers, those with a live connection first. */
  byReach(servers: Iterable<ServerName>): ServerName[]
}

/** An answerer of requests: one row of the table. Throws `AnswerError` (status, errcode) for a refusal. */
export interface Answer {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Path with `{name}` parameters, as in the server-server API. */
  readonly path: string
  answer(request: {
    readonly origin: ServerName
    readonly params: Readonly<Record<string, string>>
    readonly query: URLSearchParams
    readonly content: JsonObject | undefined
    readonly signal?: AbortSignal
  }): Promise<JsonObject>
}

/** What `exchange/` does when `net/` has something for it. */
export interface RoomExchange {
  /**
   * A PDU came by gossip or transaction (its `server_keys`, admitted, may still be on it): check, receive, and fetch what
   * it waits for. Never throws. `checked`: what `RoomEngine.check` said of this very JSON, where the caller asked already.
   */
  incoming(json: JsonObject, roomId: RoomId, carrier: ServerName, checked?: CheckedPdu): Promise<Verdict>
  /** Compares extremities of all shared rooms with a server just met, and pulls what is missing. */
  reconcile(server: ServerName, options?: AbortOptions): Promise<void>
  /** Tells a server just met, which may share no room, of the rejected invites and retracted knocks that wait for it. */
  tellPendingLeaves(server: ServerName, options?: AbortOptions): Promise<void>
}
