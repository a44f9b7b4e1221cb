/**
 * First byte of every key. A number is never used again for something else: a row found in an old database must not be
 * mistaken for another. 0 is shared by all, 1–127 belong to federation, 128–255 to matrix-api.
 */
export const Bucket = {
  /** `[name]` → JSON. Schema versions, the stream's high-water mark. */
  meta: 0,
  /** `[room id]` → `RoomRow`: short number, version. Also for rooms that are only known by an invite. */
  room: 1,
  /** `[room]` → room id. Its last key gives the next short number. */
  roomNumber: 2,
  /** `[room]` → `HeadRow`: forward extremities, current state, counters. */
  head: 3,
  /** `[event id]` → `EventRow`: the PDU and what became of it. */
  event: 4,
  /** `[room, event id]` → empty. What a purge has to remove. */
  roomEvent: 5,
  /** `[room, state id]` → `StateRow`: a snapshot or a delta. */
  state: 6,
  /** `[room, position, slot]` → event id or null. Log of the current state's changes. */
  stateChange: 7,
  /** `[room, order]` → event id. The timeline: stream position for live events, negative for history. */
  timeline: 8,
  /** `[room, parent, order]` → `RelationRow`. */
  relation: 9,
  /** `[user id, room]` → `MembershipRow`. */
  membership: 10,
  /** `[room, server]` → number of joined users. Absent where 0. */
  joinedServer: 11,
  /** `[room, missing event id]` → `BackwardRow`: who names it as a parent. */
  backward: 12,
  // 13: redactions that came before the event they speak of, by that event alone, up to schema version 1.
  /** `[user id, device id, scope, transaction id]` → `TransactionRow`. */
  transaction: 14,
  /** `[position]` → `OutboxRow`: own events that are still to be published. */
  outbox: 15,
  /** `[room]` → empty. A purge that has begun and must be finished after a crash. */
  purge: 16,
  /** `[room, user id]` → membership. The same as `membership`, by room. */
  roomMember: 17,
  /** `[room, state id, number]` → `ChunkRow`: a part of that state's snapshot, shared by later ones. */
  stateChunk: 18,
  /** `[room, event id, event id that names it as an auth event]` → `CitationRow`. */
  citation: 19,
  /** `[room, target event id]` → redactions that came before the event they speak of. */
  pendingRedaction: 20,
  /** `[room, event id]` → how many events stand on it beyond the first. Absent where none or one does. */
  furtherChildren: 21,
  /** `[room]` → room id: rooms here of which some state is another server's word (`ingest/rejudge-room.ts`). */
  reportedRoom: 22,
  /** `[room, last order]` → `HistorySpanRow`: how much a part of the timeline takes (`retention/history-sizes.ts`). */
  historySpan: 23,
  // 24–63 free for the room engine, 64–111 for keys, EDUs and discovery, 112–127 for exchange/.
  /** `[user id, room id]` → `PendingLeave`: rejected invites of which no server of the room could be told yet. */
  pendingLeave: 112,
  /** `[room id, event id]` → `IncompleteRow`: events of which only the redacted form came. */
  incompleteEvent: 115,
  /** `[room id]` → `JoinRow`: a room that is being entered, so that a restart goes on with it. */
  joinUnderWay: 113,
  /** `[room id, list, page]` → packed ids of its manifest. */
  joinIds: 114,
} as const

export type BucketNumber = (typeof Bucket)[keyof typeof Bucket] | number
