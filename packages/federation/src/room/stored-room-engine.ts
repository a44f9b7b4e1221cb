import {
  type Crypto,
  type EventId,
  type JsonObject,
  type Pdu,
  type RandomBytes,
  type RoomId,
  roomVersionRules,
  type ServerName,
  type StateMap,
  type StateSlot,
  type UserId,
} from '@starling/protocol'
import type {
  Certainty,
  CheckedPdu,
  CheckResult,
  DraftTransaction,
  KeyRing,
  LocalDraft,
  RoomEngine,
  RoomImport,
  RoomWatcher,
  StagedImport,
  StagedRoom,
  StoredPdu,
  Verdict,
} from '../contracts.ts'
import { abandonStagedRoom } from '../ingest/abandon-staged-room.ts'
import { checkPdu, checkPdus } from '../ingest/check-pdu.ts'
import { importRoom } from '../ingest/import-room.ts'
import { importStagedRoom } from '../ingest/import-staged-room.ts'
import { ingestHistory } from '../ingest/ingest-history.ts'
import { type IngestOptions, ingestPdu } from '../ingest/ingest-pdu.ts'
import { ingestWithState } from '../ingest/ingest-with-state.ts'
import { storeOutOfRoomMembership } from '../ingest/out-of-room-membership.ts'
import { certaintyOf, rejudgeRoom } from '../ingest/rejudge-room.ts'
import { reportedRooms } from '../ingest/reported-rooms.ts'
import { stageEvents } from '../ingest/stage-room.ts'
import { outlierRoomOf, storeOutliers } from '../ingest/store-outlier.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import { tables } from '../store/tables.ts'
import { fillRoom, makeCreateEvent, type RoomCreation } from './create-room.ts'
import { finishEvent } from './finish-event.ts'
import { type ForgetParts, forgetRoom } from './forget-room.ts'
import { type LocalEventParts, placeLocalEvent, templateFor } from './local-events.ts'
import { mergeExtremities } from './merge-extremities.ts'
import { RoomError } from './room-error.ts'
import type { RoomGraph } from './room-graph.ts'
import { QueueFullError } from './room-queues.ts'
import type { RoomTransaction } from './room-transaction.ts'
import type { RoomWatchers } from './room-watchers.ts'

export interface EngineParts extends ForgetParts {
  readonly keys: KeyRing
  readonly crypto: Crypto
  readonly randomBytes: RandomBytes
  readonly registry: RoomRegistry
  readonly graph: RoomGraph
  readonly watchers: RoomWatchers
  /** What placing a local event needs; holds what ingesting a remote one needs. */
  readonly local: LocalEventParts
}

/** `RoomEngine` over the store: every write is one `transact` of its room. */
export class StoredRoomEngine implements RoomEngine {
  readonly #parts: EngineParts
  #lastCreation = 0

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  // ------------------------------------------------------------------------------------------------ local users

  /** @throws RoomError `unsupported-room-version`, `forbidden`, `bad-content`, `too-large` */
  async create(creation: RoomCreation): Promise<RoomId> {
    const { local, randomBytes, registry } = this.#parts
    this.#lastCreation = Math.max(this.#lastCreation + 1, local.clock.now())
    const create = makeCreateEvent(creation, this.#lastCreation, local, randomBytes)
    await this.#transact(create.roomId, (transaction) => fillRoom(create, creation, transaction, registry, local))
    return create.roomId
  }

  /** @throws RoomError `unknown-room`, `unknown-event`, `forbidden`, `bad-content`, `too-large`, `busy` */
  async send(draft: LocalDraft, options: { readonly transaction?: DraftTransaction } = {}): Promise<EventId> {
    const { roomId, ...event } = draft
    return this.#transact(roomId, async (transaction) => {
      const name = options.transaction
      const key = name && transactionKey(name, draft)
      const earlier = key && (await tables.transaction.get(transaction, ...key))
      if (earlier) return earlier.eventId
      this.#requireJoined(transaction)
      const { eventId } = await placeLocalEvent(event, transaction, this.#parts.local, options)
      if (key) transaction.write(tables.transaction.put(key, { eventId, at: this.#parts.local.clock.now() }))
      return eventId
    })
  }

  async template(draft: LocalDraft): Promise<JsonObject> {
    const { roomId, ...event } = draft
    return this.#transact(roomId, async (transaction) => {
      this.#requireJoined(transaction)
      const template = await templateFor(event, transaction, this.#parts.local)
      transaction.discard()
      return template
    })
  }

  finish(event: JsonObject, roomVersion: string): CheckedPdu {
    const { keys, crypto } = this.#parts
    const rules = roomVersionRules(roomVersion)
    if (!rules) throw new RoomError('unsupported-room-version', `room version ${roomVersion} is not known here`)
    return { pdu: finishEvent(event, rules, keys, crypto.sha256), roomVersion, redacted: false }
  }

  mergeExtremities(roomId: RoomId): Promise<EventId | undefined> {
    return this.#transact(roomId, (transaction) => mergeExtremities(transaction, this.#parts.local))
  }

  /** @throws RoomError `unknown-room`, `forbidden` */
  forget(roomId: RoomId, userId: UserId): Promise<void> {
    return forgetRoom(roomId, userId, this.#parts)
  }

  // ------------------------------------------------------------------------------------------------ other servers

  check(json: JsonObject, roomVersion: string): Promise<CheckResult> {
    return checkPdu(json, roomVersion, this.#parts.keys, this.#parts.crypto)
  }

  checkAll(list: readonly JsonObject[], roomVersion: string): Promise<readonly CheckResult[]> {
    return checkPdus(list, roomVersion, this.#parts.keys, this.#parts.crypto, (json) => this.check(json, roomVersion))
  }

  receive(checked: CheckedPdu, options: IngestOptions = {}): Promise<Verdict> {
    return this.#judge(checked, (transaction) => ingestPdu(checked, transaction, this.#parts.local, options))
  }

  receiveWithState(
    checked: CheckedPdu,
    stateBefore: readonly CheckedPdu[],
    authChain: readonly CheckedPdu[],
    options: Pick<IngestOptions, 'softFail'> = {},
  ): Promise<Verdict> {
    return this.#judge(checked, (transaction) =>
      ingestWithState(checked, stateBefore, authChain, transaction, this.#parts.local, options),
    )
  }

  importRoom(room: RoomImport): Promise<Verdict> {
    const { registry, local } = this.#parts
    return this.#judge(room.event, (transaction) => importRoom(room, transaction, registry, local))
  }

  stageEvents(room: StagedRoom, events: readonly CheckedPdu[]): Promise<readonly Verdict[]> {
    const { registry, local } = this.#parts
    return this.#transact(room.roomId, (transaction) => stageEvents(room, events, transaction, registry, local))
  }

  importStaged(room: StagedImport): Promise<Verdict> {
    const { registry, local, database } = this.#parts
    return this.#judge(room.event, (transaction) =>
      importStagedRoom(room, transaction, registry, { ...local, database }),
    )
  }

  abandonStaged(roomId: RoomId): Promise<void> {
    return this.#transact(roomId, (transaction) => abandonStagedRoom(roomId, transaction, this.#parts))
  }

  storeOutOfRoomMembership(checked: CheckedPdu, strippedState: readonly JsonObject[]): Promise<Verdict> {
    const { registry, local } = this.#parts
    return this.#judge(checked, (transaction) =>
      storeOutOfRoomMembership(checked, strippedState, transaction, registry, local),
    )
  }

  receiveHistory(events: readonly CheckedPdu[]): Promise<readonly Verdict[]> {
    return this.#judgeAll(events, (own, transaction) => ingestHistory(own, transaction, this.#parts.local))
  }

  receiveOutliers(events: readonly CheckedPdu[]): Promise<readonly Verdict[]> {
    return this.#judgeAll(events, async (own, transaction) => {
      if (!transaction.head) return own.map(({ pdu }) => refused(pdu.eventId, 'the room is not joined here'))
      const { ed25519 } = this.#parts.local
      const verdicts = await storeOutliers(own, transaction, outlierRoomOf(transaction), ed25519)
      return own.map(({ pdu }) => verdicts.get(pdu.eventId) ?? refused(pdu.eventId, 'not in order'))
    })
  }

  rejudge(roomId: RoomId): Promise<Certainty> {
    const { local } = this.#parts
    return this.#transact(roomId, async (transaction) => (transaction.head ? rejudgeRoom(transaction, local) : 'exact'))
  }

  // ------------------------------------------------------------------------------------------------ reading

  async roomVersion(roomId: RoomId): Promise<string | undefined> {
    return (await this.#parts.registry.get(roomId))?.version
  }

  async joinedRooms(): Promise<readonly RoomId[]> {
    return this.#parts.joinedServers.roomsOf(this.#parts.keys.serverName)
  }

  events(eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, StoredPdu>> {
    return this.#parts.graph.events(eventIds)
  }

  dagEvents(eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, Pdu>> {
    return this.#parts.graph.dagEvents(eventIds)
  }

  reportedRooms(): Promise<readonly RoomId[]> {
    return reportedRooms(this.#parts.database.durable)
  }

  certainty(roomId: RoomId): Promise<Certainty> {
    return this.#transact(roomId, async (transaction) => (transaction.head ? certaintyOf(transaction) : 'exact'))
  }

  inDag(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>> {
    return this.#parts.graph.inDag(eventIds)
  }

  forwardExtremities(roomId: RoomId): Promise<readonly EventId[]> {
    return this.#parts.graph.forwardExtremities(roomId)
  }

  deadLeaves(roomId: RoomId): Promise<readonly EventId[]> {
    return this.#parts.graph.deadLeaves(roomId)
  }

  backwardExtremities(roomId: RoomId): Promise<readonly EventId[]> {
    return this.#parts.graph.backwardExtremities(roomId)
  }

  currentState(roomId: RoomId): Promise<StateMap> {
    return this.#parts.graph.currentState(roomId)
  }

  stateBefore(roomId: RoomId, eventId: EventId): Promise<StateMap | undefined> {
    return this.#parts.graph.stateAround(roomId, eventId, 'before')
  }

  stateBeforeSlots(
    roomId: RoomId,
    eventId: EventId,
    slots: readonly StateSlot[],
  ): Promise<ReadonlyMap<StateSlot, EventId> | undefined> {
    return this.#parts.graph.stateBeforeSlots(roomId, eventId, slots)
  }

  isServerMemberAt(
    roomId: RoomId,
    eventId: EventId,
    server: ServerName,
    memberships: ReadonlySet<string>,
  ): Promise<boolean> {
    return this.#parts.graph.isServerMemberAt(roomId, eventId, server, memberships)
  }

  authChain(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>> {
    return this.#parts.graph.authChain(eventIds)
  }

  async joinedServers(roomId: RoomId): Promise<ReadonlySet<ServerName>> {
    return this.#parts.joinedServers.of(roomId)
  }

  isServerJoined(roomId: RoomId, server: ServerName): boolean {
    return this.#parts.joinedServers.has(roomId, server)
  }

  watch(watcher: RoomWatcher): () => void {
    return this.#parts.watchers.add(watcher)
  }

  // ------------------------------------------------------------------------------------------------ inside

  #requireJoined(transaction: RoomTransaction): void {
    if (transaction.head?.servers.has(this.#parts.keys.serverName)) return
    throw new RoomError('unknown-room', 'this server is not in the room')
  }

  async #transact<T>(roomId: RoomId, work: (transaction: RoomTransaction) => Promise<T>): Promise<T> {
    try {
      return await this.#parts.writer.transact(roomId, work)
    } catch (error) {
      if (error instanceof QueueFullError) throw new RoomError('busy', 'too much is going on in this room')
      throw error
    }
  }

  async #judge(checked: CheckedPdu, work: (transaction: RoomTransaction) => Promise<Verdict>): Promise<Verdict> {
    const [verdict] = await this.#judgeAll([checked], async (_, transaction) => [await work(transaction)])
    return verdict ?? refused(checked.pdu.eventId, 'not judged')
  }

  /** Each room's events in one transaction of that room; verdicts in the order of `events`. */
  async #judgeAll(
    events: readonly CheckedPdu[],
    work: (events: readonly CheckedPdu[], transaction: RoomTransaction) => Promise<readonly Verdict[]>,
  ): Promise<readonly Verdict[]> {
    const verdicts = new Map<EventId, Verdict>()
    for (const [roomId, own] of Map.groupBy(events, ({ pdu }) => pdu.roomId)) {
      try {
        const judged = await this.#parts.writer.transact(roomId, (transaction) => work(own, transaction))
        for (const verdict of judged) verdicts.set(verdict.eventId, verdict)
      } catch (error) {
        if (!(error instanceof QueueFullError)) throw error
        for (const { pdu } of own) verdicts.set(pdu.eventId, refused(pdu.eventId, 'the queue of the room is full'))
      }
    }
    return events.map(({ pdu }) => verdicts.get(pdu.eventId) ?? refused(pdu.eventId, 'not judged'))
  }
}

/** Retries are told apart by what their path holds beside the transaction id: room and event type. */
function transactionKey(
  { userId, deviceId, txnId }: DraftTransaction,
  { roomId, type }: LocalDraft,
): [UserId, string, string, string] {
  return [userId, deviceId, `${roomId} ${type}`, txnId]
}

function refused(eventId: EventId, reason: string): Verdict {
  return { kind: 'refused', eventId, reason }
}
