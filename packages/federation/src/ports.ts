/**
 * What federation needs from the outside. `packages/node` wires libp2p, LevelDB and matrix-api to these;
 * `packages/testkit` has in-memory ones that pass the same contract suites.
 */
import type { AbortOptions, EventId, JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'

/** A libp2p PeerId in its text form. Authenticated by the connection, never by what a message says. */
export type PeerId = string & { readonly __brand: 'PeerId' }

/** A peer that discovery speaks of: a hint, until its `server_keys` are fetched and verified. */
export interface PeerHint {
  readonly peerId: PeerId
  readonly multiaddrs: readonly string[]
}

export interface RequestOptions extends AbortOptions {
  /** Reading more than this many bytes of answer fails the request. */
  readonly maxResponseBytes?: number
}

/** Bounds of an inbound protocol; what exceeds them is reset before the handler sees it. */
export interface ProtocolLimits {
  readonly maxRequestBytes: number
  /** Concurrent requests from one peer. */
  readonly maxConcurrentPerPeer: number
  readonly timeoutMs: number
}

export type RequestHandler = (from: PeerId, request: Uint8Array, options: AbortOptions) => Promise<Uint8Array>

/** An open byte stream with backpressure (`/starling/media/1`). */
export interface ByteStream extends AsyncDisposable {
  readonly remotePeer: PeerId
  /** Next bytes, or undefined once the remote half has closed. */
  read(options?: AbortOptions): Promise<Uint8Array | undefined>
  write(bytes: Uint8Array, options?: AbortOptions): Promise<void>
  /** Closes our half; the remote may still write. */
  closeWrite(): Promise<void>
  reset(reason: Error): void
}

/** Connections to peers, and one request or one stream over them. */
export interface Transport {
  readonly peerId: PeerId
  /** Own addresses as announced, each ending in `/p2p/<peerId>`. */
  multiaddrs(): string[]
  connectedPeers(): PeerId[]
  /** Connects (or reuses a connection) to a multiaddress with `/p2p/…`, or to a PeerId whose addresses are known or can be found. */
  dial(target: string, options?: AbortOptions): Promise<PeerId>
  /** Addresses worth trying for a peer; persisted by the transport. */
  rememberAddresses(hint: PeerHint): Promise<void>
  /** Sends one length-prefixed message and reads one back, over a connection that exists or can be made. */
  request(peer: PeerId, protocol: string, request: Uint8Array, options?: RequestOptions): Promise<Uint8Array>
  handleRequests(protocol: string, limits: ProtocolLimits, handler: RequestHandler): Promise<void>
  openStream(peer: PeerId, protocol: string, options?: AbortOptions): Promise<ByteStream>
  handleStreams(protocol: string, limits: ProtocolLimits, handler: (stream: ByteStream) => Promise<void>): Promise<void>
  /** Called for each newly connected and each lost peer, and at once for those already connected. Returns the way to stop. */
  watchPeers(watcher: { connected(peer: PeerId): void; disconnected(peer: PeerId): void }): () => void
  /** Closes every connection to the peer. */
  disconnect(peer: PeerId): Promise<void>
}

export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** `from` is the peer that passed the message on, which need not be its author. */
export type GossipValidator = (from: PeerId, data: Uint8Array) => Promise<GossipVerdict> | GossipVerdict

/** Publish–subscribe by topic. Delivery is best effort; anti-entropy makes it whole. */
export interface Gossip {
  /** The validator runs once per new message; what it accepts is passed on to the mesh. Handling happens in the validator's owner. */
  subscribe(topic: string, validator: GossipValidator): void
  unsubscribe(topic: string): void
  /** Resolves with the number of peers sent to; 0 when nobody is there. Publishing the same bytes again is not an error. */
  publish(topic: string, data: Uint8Array): Promise<{ readonly recipients: number }>
  /**
   * Who may count as a subscriber: asked for every SUBSCRIBE, GRAFT and IWANT of a peer (DESIGN section 4, confidential
   * topics). Until set, nobody may.
   */
  setAdmission(admits: (peer: PeerId, topic: string) => boolean): void
  /**
   * Asks again for every known subscription of the peer, or of all peers, and of all topics or that one: call when membership
   * or key bindings change. What is not admitted any more gets nothing from this call on.
   */
  reviewAdmission(peer?: PeerId, topic?: string): void
}

/** Rendezvous points: where a node says that it can be found. What comes back is a hint, never an identity. */
export interface Rendezvous {
  /** Advertises the points (replacing the earlier set) on every finder there is, and keeps them fresh. */
  advertise(points: readonly string[]): Promise<void>
  /** Streams hints from the LAN first, then from the DHT; ends when all finders have answered or the signal fires. */
  find(point: string, options?: AbortOptions): AsyncIterable<PeerHint>
}

/** What this node's accounts answer to other servers, and what is delivered to them. Implemented by matrix-api. */
export interface LocalUsers {
  /** Accounts that may be found by others' user search: the owner, and whoever else agreed to it. */
  discoverable(): Promise<readonly UserId[]>
  exists(userId: UserId): Promise<boolean>
  /** `GET /query/profile`: the whole profile object; undefined where there is no such user. */
  profile(userId: UserId): Promise<JsonObject | undefined>
  /** `POST /user/keys/query` body and answer, for local users only. */
  queryKeys(body: JsonObject): Promise<JsonObject>
  /** `POST /user/keys/claim`. Each one-time key is handed out once, durably. */
  claimKeys(body: JsonObject): Promise<JsonObject>
  /** `GET /user/devices/{userId}`. */
  devices(userId: UserId): Promise<JsonObject | undefined>
  /** Durable before it resolves; a message id seen before from that sender's server is dropped. */
  deliverToDevice(message: ToDeviceMessage): Promise<void>
  /** A remote user's devices or cross-signing keys changed (`m.device_list_update`, `m.signing_key_update`). */
  remoteDevicesChanged(userId: UserId, edu: JsonObject): Promise<void>
  /** The user had their content erased: servers that come later get their events redacted. Asked for each event given: must be cheap. */
  hasErased(userId: UserId): Promise<boolean>
}

export interface ToDeviceMessage {
  readonly origin: ServerName
  readonly messageId: string
  readonly sender: UserId
  readonly type: string
  /** user id → device id or `*` → content. Local users only. */
  readonly messages: { readonly [userId: string]: { readonly [deviceId: string]: JsonObject } }
}

/** Media of this node, read by other servers. Implemented by matrix-api's media store. */
export interface LocalMedia {
  /** Undefined where there is no such local media or it is not to be had. */
  open(mediaId: string): Promise<
    | {
        readonly size: number
        readonly contentType: string
        readonly filename: string | undefined
        read(from: number, to: number): AsyncIterable<Uint8Array>
      }
    | undefined
  >
}

/** Marks for a stream position that a client's sync should wake for. */
export interface Affected {
  readonly rooms?: readonly RoomId[]
  readonly users?: readonly UserId[]
}

/** Which event the client's transaction made, so that a retry gets the same one. Stored in the same batch as the event. */
export interface ClientTransaction {
  readonly userId: UserId
  readonly deviceId: string
  readonly txnId: string
  /** Filled once known. */
  readonly eventId?: EventId
}
