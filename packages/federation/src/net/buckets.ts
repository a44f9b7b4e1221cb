/**
 * Buckets 64–95 of the node's key space: net's (`store/buckets.ts` has the rest of federation's). A number names one kind of
 * row for ever.
 */
export const NetBucket = {
  /** `[key id]` → `SigningKeyRow`: own signing keys, the current one with its seed. */
  signingKey: 64,
  /** `['doc']` → own `server_keys` as last published; `['siblings']` → what other nodes of this identity added. */
  ownServerKeys: 65,
  /** `[server]` → `server_keys`: the newest of each server. */
  serverKeys: 66,
  /** `[server, sequence]` → `OutboxItem`: what waits for a server, in order. */
  destinationOutbox: 67,
  /** `[room id, user id, type, thread]` → receipt with its position. */
  receipt: 68,
  /** `[room id, position]` → key of the receipt that was set there. */
  receiptStream: 69,
  /** `[user id]` → presence of a local user as last set. */
  presence: 70,
  /** `[user id]` → stream id of the newest own `m.device_list_update`. */
  deviceListStream: 71,
  // 72–95 free.
} as const
