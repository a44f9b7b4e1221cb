import type { EventId, JsonObject, PduJson, RoomId, ServerName, StateSlot, UserId } from '@starling/protocol'
import { Bucket } from './buckets.ts'
import { Table } from './table.ts'

/**
 * A room's short number in keys: assigned once, in order of first sight. Most rows begin with a room; 8 bytes instead of a
 * room id's 40 and more make keys short and a room's rows neighbours. Event ids are NOT interned: an id costs one more
 * read for every cold event and one more write for every new one, and saves little beside the PDU itself.
 */
export type RoomNumber = number & { readonly __brand: 'RoomNumber' }

/** Number of a stored state within its room. */
export type StateId = number & { readonly __brand: 'StateId' }

export interface RoomRow {
  readonly number: RoomNumber
  readonly version: string
}

export interface HeadRow {
  readonly extremities: readonly EventId[]
  /** Events on which nothing stands and which the current state refuses, the longest known first. Absent where none. */
  readonly dead?: readonly EventId[]
  /** Those of `extremities` on which only dead events stand. Absent where none. */
  readonly exposed?: readonly EventId[]
  /** Moves whenever `furtherChildren` does. Absent: 0. */
  readonly forks?: number
  /** Resolution of the states after all forward extremities. */
  readonly state: StateId
  /** Position of the newest change of any kind. */
  readonly lastChange: number
  /** Position of the newest change of the current state. Absent in rows of versions that did not note it. */
  readonly lastStateChange?: number
  readonly nextStateId: StateId
  /** Order for the next event of history; counts down from −1. */
  readonly nextHistoryOrder: number
  readonly joined: number
  readonly invited: number
}

export type EventStatus = 'accepted' | 'soft-failed' | 'rejected' | 'outlier'

export interface TransactionName {
  readonly userId: UserId
  readonly deviceId: string
  readonly txnId: string
}

export interface EventRow {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly version: string
  readonly status: EventStatus
  /** Why it was rejected or soft-failed. */
  readonly reason?: string
  /** Place in the timeline. Absent for outliers, rejected, soft-failed, and redactions not (yet) applied. */
  readonly order?: number
  /** States just before and after it. Absent where the event is not in the DAG (outliers). */
  readonly before?: StateId
  readonly after?: StateId
  /** The event that held its slot before. */
  readonly replaces?: EventId
  /** The redaction that applies; `pdu` is the redacted form then, and the content is gone from the disk. */
  readonly redactedBy?: EventId
  readonly transaction?: TransactionName
  /**
   * An invite or leave from outside the room: signed, but nobody here could check whether its sender was allowed. It
   * authorises nothing; when it comes again with its auth chain it is judged like any other.
   */
  readonly unjudged?: true
  /**
   * Every event stored since that names this one as an auth event has a row in `citation`. So for state events that came one by
   * one; of a whole room taken in at once only for member events, which few others name.
   */
  readonly tracked?: true
  /** The content hash did not match, so `pdu` is the redacted form; the whole event replaces it when it comes. */
  readonly incomplete?: true
  /**
   * Laid down as history: the states around it are guessed from what came after, good for showing it. No parent to judge a new
   * event by, and no state to give to others.
   */
  readonly approximate?: true
  /** Older than it is kept (`retention/`): out of the timeline for good, and `pdu` is the redacted form. */
  readonly pruned?: true
  /** The policy server does not recommend it: refused whatever the state. */
  readonly barred?: true
  /** Stood in the DAG when it came: what stands on it is all counted in `furtherChildren`, the first as well. */
  readonly late?: true
  readonly pdu: PduJson
}

/** A state event, seen from one that it names among its auth events. */
export interface CitationRow {
  /** The slot of the event that cites. */
  readonly slot: StateSlot
  /** Its own citations are all noted as well. */
  readonly tracked: boolean
}

/** `base` absent: the whole map, in `entries` where it is small, else as a `tree`. Else what differs from `base`; null empties a slot. */
export interface StateRow {
  readonly base?: StateId
  /** Root of the tree of chunks. Since schema version 2. */
  readonly tree?: ChunkName
  /** Deltas between this row and its snapshot, this one included. */
  readonly chain: number
  /** Entries in those deltas. */
  readonly weight: number
  /** slot, event id, slot, event id, … */
  readonly entries: readonly (string | null)[]
}

/** The state that a chunk was first written for, and its number among that state's chunks. Later states refer to it. */
export type ChunkName = readonly [StateId, number]

/** A part of a state: slot, event id, slot, event id, …; or its 16 parts by the next four bits of the slots' hash. */
export type ChunkRow = { readonly leaf: readonly string[] } | { readonly branch: readonly (ChunkName | null)[] }

export interface RelationRow {
  readonly eventId: EventId
  readonly relType: string | undefined
  readonly type: string
}

export type MembershipName = 'join' | 'invite' | 'leave' | 'ban' | 'knock'

export interface MembershipRow {
  readonly roomId: RoomId
  readonly membership: MembershipName
  readonly eventId: EventId
  readonly sender: UserId
  readonly position: number
  readonly forgotten?: true
  readonly strippedState?: readonly JsonObject[]
}

export interface BackwardRow {
  /** Stored events that name it among their `prev_events`. */
  readonly children: readonly EventId[]
  /** Smallest depth among them. */
  readonly depth: number
}

/** A part of a room's timeline, up to the order in its key. */
export interface HistorySpanRow {
  readonly from: number
  /** Timeline rows when it was measured. */
  readonly rows: number
  /** Of the messages in it; state events stay and are not counted. */
  readonly bytes: number
}

export interface TransactionRow {
  readonly eventId: EventId
  /** Milliseconds since the Unix epoch, for expiry. */
  readonly at: number
}

export interface OutboxEntry {
  readonly eventId: EventId
  readonly roomId: RoomId
}

export const tables = {
  room: new Table<[RoomId], RoomRow>(Bucket.room, ['text']),
  roomNumber: new Table<[RoomNumber], RoomId>(Bucket.roomNumber, ['int']),
  head: new Table<[RoomNumber], HeadRow>(Bucket.head, ['int']),
  event: new Table<[EventId], EventRow>(Bucket.event, ['text']),
  roomEvent: new Table<[RoomNumber, EventId], 0>(Bucket.roomEvent, ['int', 'text']),
  state: new Table<[RoomNumber, StateId], StateRow>(Bucket.state, ['int', 'int']),
  stateChunk: new Table<[RoomNumber, StateId, number], ChunkRow>(Bucket.stateChunk, ['int', 'int', 'int']),
  citation: new Table<[RoomNumber, EventId, EventId], CitationRow>(Bucket.citation, ['int', 'text', 'text']),
  stateChange: new Table<[RoomNumber, number, StateSlot], EventId | null>(Bucket.stateChange, ['int', 'int', 'text']),
  timeline: new Table<[RoomNumber, number], EventId>(Bucket.timeline, ['int', 'int']),
  relation: new Table<[RoomNumber, EventId, number], RelationRow>(Bucket.relation, ['int', 'text', 'int']),
  membership: new Table<[UserId, RoomNumber], MembershipRow>(Bucket.membership, ['text', 'int']),
  joinedServer: new Table<[RoomNumber, ServerName], number>(Bucket.joinedServer, ['int', 'text']),
  roomMember: new Table<[RoomNumber, UserId], MembershipName>(Bucket.roomMember, ['int', 'text']),
  backward: new Table<[RoomNumber, EventId], BackwardRow>(Bucket.backward, ['int', 'text']),
  furtherChildren: new Table<[RoomNumber, EventId], number>(Bucket.furtherChildren, ['int', 'text']),
  reportedRoom: new Table<[RoomNumber], RoomId>(Bucket.reportedRoom, ['int']),
  historySpan: new Table<[RoomNumber, number], HistorySpanRow>(Bucket.historySpan, ['int', 'int']),
  pendingRedaction: new Table<[RoomNumber, EventId], readonly EventId[]>(Bucket.pendingRedaction, ['int', 'text']),
  transaction: new Table<[UserId, string, string, string], TransactionRow>(Bucket.transaction, [
    'text',
    'text',
    'text',
    'text',
  ]),
  outbox: new Table<[number], OutboxEntry>(Bucket.outbox, ['int']),
  purge: new Table<[RoomNumber], 0>(Bucket.purge, ['int']),
} as const
