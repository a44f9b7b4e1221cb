/**
 * Buckets 128–255 of the node's key space: matrix-api's (0–127 are federation's). A number names one kind of row for
 * ever: rows of an abandoned kind keep their number. Keys are `bucket, ...parts` in the encoding of `key.ts`, values JSON.
 */
export const buckets = {
  /** [user id] → account: password hash, created, deactivated. */
  accounts: 128,
  /** [SHA-256 of an access token, base64url] → session row. Never the token. */
  sessions: 129,
  /** [user id, device id, session id] → {}: a user's sessions, by device. */
  sessionsByDevice: 130,
  /** [SHA-256 of a refresh token, base64url] → refresh row. */
  refreshTokens: 131,
  /** [user id, field name] → {value}: profile fields. */
  profiles: 132,
  /** [user id, room id or '', type] → account data and the position at which it was set. */
  accountData: 133,
  /** [user id, position] → {roomId, type}: where in the stream account data changed. One row per datum. */
  accountDataStream: 134,
  /** [user id, app id, push key] → pusher. */
  pushers: 135,
  /** [user id, device id] → device (display name, last seen). */
  devices: 136,
  /** [SHA-256 of an OpenID token, base64url] → {userId, expires}. */
  openIdTokens: 137,
  /** [user id, device id] → {ts, ip}: when the device last made a request. */
  lastSeen: 138,
  /** [user id] → {}: users whose changed profile has not reached all their rooms yet. */
  profilePropagation: 139,
  /** [user id] → own push rules and changes to the default ones. */
  pushRules: 140,
  /** [user id] → notices room and what it was last told: server notices. */
  serverNotices: 141,
  /** [order] → report of a room, an event or a user. */
  reports: 142,
  /** [user id, app id, push key, order] → notification that the push gateway has not taken yet. */
  pushQueue: 143,
  /** [] → {position}: up to where events have been looked at for pushing. */
  pushCursor: 144,
  /** [user id] → {position}: accounts whose content was erased, and where in the stream. */
  erasedUsers: 145,
  /** 146–159: free for accounts, session, profile, account-data, push, discovery. */

  /** [user id, device id] → device keys as uploaded (Client-Server API, "Device keys"). */
  deviceKeys: 160,
  /** [user id, device id, algorithm, upload order, key id] → {key}: one-time keys not claimed yet. */
  oneTimeKeys: 161,
  /** [user id, device id, algorithm, key id] → {order, digest, claimed}: every one-time key id known, claimed ones included. */
  oneTimeKeyIds: 162,
  /** [user id, device id, algorithm] → {keyId, key, used}: fallback keys. */
  fallbackKeys: 163,
  /** [user id, usage] → cross-signing key as uploaded. */
  crossSigningKeys: 164,
  /** [signing local user, signed user, signed key, signing key id] → signature from `/keys/signatures/upload`. */
  keySignatures: 165,
  /** [position] → user id: the newest change of each user's device list. One row per user. */
  deviceListLog: 166,
  /** [user id] → {position}: where in the log the user stands. */
  deviceListPositions: 167,
  /** [local user id] → {streamId}: the last `stream_id` of an `m.device_list_update`. */
  deviceListStreams: 168,
  /** [local user id, order] → update that the outbox has not taken over yet. */
  deviceAnnouncements: 169,
  /** [remote user id] → cached device list of that user. */
  remoteDeviceLists: 170,
  /** [user id, device id, position] → to-device message waiting for the device. */
  toDeviceInbox: 171,
  /** [scope…, id] → {order}: client transaction and remote message ids seen. */
  seenIds: 172,
  /** [scope…, order] → {id}: the same in order of arrival, to forget the oldest. */
  seenIdsByAge: 173,
  /** [order, message id] → to-device message for other servers that the outbox has not taken over yet. */
  toDeviceOutgoing: 174,
  /** [user id, version] → key backup version. */
  backupVersions: 175,
  /** [user id, version, room id, session id] → backed up key. */
  backupKeys: 176,
  /** [media id] → local media. */
  media: 177,
  /** [user id, media id] → {size}: what a user has uploaded, for the quota. */
  mediaByUser: 178,
  /** [media id] → {userId, expiresAt}: ids made by `/create` that wait for their content. */
  pendingMedia: 179,
  /** [server name, media id] → cached media of another server. */
  remoteMedia: 180,
  /** [SHA-256 of the content in hex, who needs it] → {}: why a file on disk is kept. */
  mediaFileUses: 181,
  /** [local user id, user id] → {position}: when the one last signed the other's keys. */
  signedUsers: 182,
  /** [user id] → dehydrated device (MSC3814): its id and what the client that uploaded it keeps with it. */
  dehydratedDevices: 183,
  /** [SHA-256 of a URL, base64url] → preview of the page and when it was fetched. */
  urlPreviews: 184,
  /** [media id] → image of a previewed page, until it expires. */
  previewImages: 185,
  /** 186–191: free for e2ee, devices, to-device, media. */

  /** [user id, filter id] → filter as defined. */
  filters: 192,
  /** [alias] → {roomId, creator}: this server's own aliases. */
  aliases: 193,
  /** [room id, alias] → {}: aliases by room. */
  aliasesByRoom: 194,
  /** [room id] → {publishedAt}: rooms in this server's published directory. */
  publishedRooms: 195,
  /** 196–207: free for sync, rooms, filters, ephemeral. */

  /** [room id] → {number, low, high}: how far a room is indexed for search. */
  searchRooms: 208,
  /** [] → {documents, rooms}: numbers given out by the search index. */
  searchNumbers: 209,
  /** [room number, place in the timeline] → {document, eventId, terms}: a message in the search index. */
  searchDocuments: 210,
  /** [document ÷ 256] → packed room number, place and time of 256 documents. */
  searchPlaces: 211,
  /** [word, 0 or first document] → packed documents with that word. */
  searchPostings: 212,
  /** 213–223: free for search, sync, rooms, filters, ephemeral. */
} as const

export type BucketNumber = (typeof buckets)[keyof typeof buckets]
