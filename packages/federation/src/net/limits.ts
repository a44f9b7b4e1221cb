/**
 * Every bound of net/ in one place. Chosen so that one peer costs at most a few megabytes of memory and a bounded share of
 * the processor, while honest use never comes near.
 */
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const netLimits = {
  /** Signing keys and published key objects live this long (DESIGN section 2; server-server API, "Publishing Keys"). */
  keyValidityMs: 7 * DAY,
  /** `server_keys` are published anew when they are older than this. */
  keyRefreshMs: DAY,
  /** A peer's clock may be ahead by this much: `valid_until_ts` beyond `keyValidityMs` plus this is refused. */
  keyValiditySlackMs: 2 * DAY,
  keyCheckIntervalMs: HOUR,
  /** In one `server_keys`: current keys (nodes of one identity), old keys (one a week for ten years), PeerIds, bytes. */
  verifyKeys: 32,
  oldVerifyKeys: 520,
  peersPerServer: 32,
  serverKeysBytes: 64 * 1024,
  /** Characters of `server_keys` held in memory; the least recently used go first (the store has those that matter). */
  serverKeysInMemory: 16 * 1024 * 1024,
  /** Older valid `server_keys` that were verified already, by hash; the least recently used is dropped first. */
  verifiedRemembered: 2_048,

  /** `/starling/keys/1` */
  keysMessageBytes: 512 * 1024,
  keysPerRequest: 20,
  keysTimeoutMs: 10 * SECOND,
  keysRetriesMs: [2 * SECOND, 10 * SECOND, MINUTE],
  /** Exchanges that one peer may begin: burst and refill per second. */
  keysBurst: 20,
  keysPerSecond: 0.5,

  /** `/starling/request/1` */
  requestBytes: 4 * 1024 * 1024,
  answerBytes: 4 * 1024 * 1024,
  requestTimeoutMs: 30 * SECOND,
  requestsAtOncePerPeer: 16,
  requestsAtOnce: 128,
  /** Per asking server: burst and refill per second. */
  requestBurst: 400,
  requestsPerSecond: 50,
  /** A request is good for this long around its `origin_server_ts`. */
  requestWindowMs: 5 * MINUTE,
  /** Nonces remembered per origin (the oldest dropped first, and with it everything older refused), and origins. */
  noncesPerOrigin: 20_000,
  noncesOfAll: 200_000,
  originsRemembered: 2_048,
  /** Bound on path and query of a request. */
  uriChars: 4_096,
  /** Peers of a destination tried, and relays. */
  peersTried: 3,
  relaysTried: 3,
  dialTimeoutMs: 8 * SECOND,
  /** An unreachable destination is not dialled again before this has passed; it doubles up to the second. */
  redialAfterMs: 5 * SECOND,
  redialAfterMaxMs: 5 * MINUTE,
  destinationsRemembered: 4_096,
  /** Requests relayed for others. */
  relayRequestBytes: 1024 * 1024,
  relayAnswerBytes: 4 * 1024 * 1024,
  relayBurst: 60,
  relaysPerSecond: 10,
  relaysAtOnce: 32,

  /** Token buckets kept; the least recently used is dropped first (and starts full again). */
  bucketsKept: 4_096,

  /** Gossip: one PDU (64 KiB at most) with its `server_keys`, or one batch of EDUs. */
  gossipBytes: 192 * 1024,
  edusPerBatch: 100,
  /** An event that is here already and older than this is not passed on again; batches may overtake each other by so much. */
  replayAfterMs: 10 * MINUTE,
  batchSlackMs: 10 * SECOND,
  /** Accepted PDUs that wait for the exchange, per room and in all; the newest is dropped (anti-entropy brings it again). */
  queuedPerRoom: 500,
  queuedInAll: 10_000,
  /** A PDU that takes longer (something is fetched for it) no longer holds up its room; so many may be under way so. */
  queuePatienceMs: 250,
  overdueInAll: 512,
  /** Messages of one peer being validated at once; more are ignored. */
  validationsPerPeer: 64,
  /** Peers whose invalid messages are counted; the least recently seen is dropped first. */
  invalidPeersCounted: 4_096,
  /** Invalid messages of one peer in `invalidWindowMs`, after which its messages are ignored unread. */
  invalidPerWindow: 100,
  invalidWindowMs: MINUTE,

  /** PDU outbox: rows that found nobody and stay, and servers that one event is sent to directly. */
  outboxKept: 1_000,
  directRecipients: 8,
  outboxBatch: 100,
  outboxRetryMs: 15 * SECOND,
  /** Durable outbox per destination: items (the oldest is dropped first) and servers (new ones are refused). */
  itemsPerDestination: 20_000,
  destinations: 10_000,
  edusPerTransaction: 100,
  /** JSON characters of EDUs in one transaction; at least one always goes. */
  charsPerTransaction: 1024 * 1024,
  sendTimeoutMs: 30 * SECOND,
  sendRetryMs: 5 * SECOND,
  sendRetryMaxMs: HOUR,
  sendsAtOnce: 32,

  /** After meeting a server: when it is compared with again, gossip with it having begun. */
  secondLooksMs: [1_500, 4 * SECOND],

  /** EDUs. */
  edusPerSecond: 50,
  eduBurst: 300,
  /** In transactions, per sending server: what waited for us comes at once, and what is beyond comes again later (429). */
  transactionEduBurst: 2_000,
  transactionEdusPerSecond: 100,
  typingTimeoutMs: 30 * SECOND,
  typingTimeoutMaxMs: 2 * MINUTE,
  typersPerRoom: 100,
  typingRooms: 5_000,
  /** A receipt's time may lie this far ahead of our clock. */
  receiptAheadMs: 2 * DAY,
  receiptsPerUserAndRoom: 50,
  receiptsPerCatchUp: 500,
  presenceUsers: 10_000,
  presenceResendMs: MINUTE,
  /** Of whom nothing was heard for so long is taken for offline. */
  presenceSilentMs: 5 * MINUTE,
  statusChars: 1_024,
  eduFlushMs: 20,

  /** Discovery. */
  searchTimeoutMs: 8 * SECOND,
  searchHints: 32,
  searchesAtOnce: 8,
  listingTtlMs: 30 * SECOND,
  listingTimeoutMs: 4 * SECOND,
  listingsKept: 1_024,
  usersPerListing: 20,

  /** `/starling/media/1` */
  mediaHeaderBytes: 4 * 1024,
  mediaChunkBytes: 64 * 1024,
  mediaBytes: 1024 * 1024 * 1024,
  mediaStreamsPerPeer: 8,
  mediaIdleMs: 30 * SECOND,
  mediaResumes: 5,
} as const
