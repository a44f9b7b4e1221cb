import type { BatchOperation, EventId, KeyRange, KeyValue, RoomId, UserId } from '@starling/protocol'
import type { DerivedState, RoomState, SharedStateMap, StateDelta, StateStore } from '../state/state-store.ts'
import type { Database } from '../store/database.ts'
import { type EventStore, eventRows, type StoredEvent } from '../store/event-store.ts'
import { rangeUnder } from '../store/key-encoding.ts'
import type { PendingPosition, StreamPositionCounter } from '../store/stream-positions.ts'
import type { RowSource } from '../store/table.ts'
import type { RoomNumber, StateId } from '../store/tables.ts'
import type { RoomHead } from './room-head.ts'

interface OpenPosition {
  readonly pending: PendingPosition
  readonly users: Set<UserId>
}

/** What a room's writer reads through and writes into: nothing of it is seen by others before it is submitted as one batch. */
export class RoomTransaction implements RowSource {
  readonly roomId: RoomId
  head: RoomHead | undefined
  readonly #database: Database
  readonly #events: EventStore
  readonly #states: StateStore
  readonly #counter: StreamPositionCounter
  readonly #operations = new Map<string, BatchOperation>()
  readonly #newEvents = new Map<EventId, StoredEvent>()
  readonly #newStates = new Map<StateId, { readonly room: RoomNumber; readonly derived: DerivedState }>()
  readonly #before: RoomHead | undefined
  #positions: OpenPosition[] = []
  #notices: (() => void)[] = []
  #submitted: (() => void)[] = []

  constructor(
    roomId: RoomId,
    head: RoomHead | undefined,
    parts: {
      readonly database: Database
      readonly events: EventStore
      readonly states: StateStore
      readonly positions: StreamPositionCounter
    },
  ) {
    this.roomId = roomId
    this.head = head
    this.#before = head
    this.#database = parts.database
    this.#events = parts.events
    this.#states = parts.states
    this.#counter = parts.positions
  }

  // ------------------------------------------------------------------------------------------------ rows

  write(...operations: readonly BatchOperation[]): void {
    for (const operation of operations) {
      const key = Buffer.from(operation.key).toString('latin1')
      this.#operations.delete(key)
      this.#operations.set(key, operation)
    }
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const own = this.#operations.get(Buffer.from(key).toString('latin1'))
    if (own) return own.type === 'put' ? own.value : undefined
    return this.#database.get(key)
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key)))
  }

  /** Scans see durable rows only. */
  entries(range: KeyRange): AsyncIterable<KeyValue> {
    return this.#database.entries(range)
  }

  /** Values of all rows whose keys begin like this, those that are not durable yet as well, in no order. */
  async valuesUnder(prefix: Uint8Array): Promise<Map<string, Uint8Array>> {
    // Before the scan: what becomes durable while it runs may be missing from it, and is then in here.
    const newer = this.#database.pendingUnder(prefix)
    const start = Buffer.from(prefix).toString('latin1')
    for (const [key, operation] of this.#operations) {
      if (key.startsWith(start)) newer.set(key, operation.type === 'put' ? operation.value : undefined)
    }
    const values = new Map<string, Uint8Array>()
    for await (const [key, value] of this.#database.entries(rangeUnder(prefix))) {
      values.set(Buffer.from(key).toString('latin1'), value)
    }
    for (const [key, value] of newer) {
      if (value) values.set(key, value)
      else values.delete(key)
    }
    return values
  }

  // ------------------------------------------------------------------------------------------------ events

  async event(eventId: EventId): Promise<StoredEvent | undefined> {
    return (await this.events([eventId])).get(eventId)
  }

  /** Those that are there, whatever their status; unjudged ones are as good as absent. */
  async events(eventIds: Iterable<EventId>): Promise<Map<EventId, StoredEvent>> {
    const found = new Map<EventId, StoredEvent>()
    const elsewhere: EventId[] = []
    for (const eventId of eventIds) {
      const known = this.#newEvents.get(eventId) ?? this.#events.cached(eventId)
      if (!known) elsewhere.push(eventId)
      else if (!known.unjudged) found.set(eventId, known)
    }
    if (elsewhere.length === 0) return found
    for (const [eventId, event] of await this.#events.getMany(elsewhere)) {
      if (!event.unjudged) found.set(eventId, event)
    }
    return found
  }

  putEvent(event: StoredEvent): void {
    this.#newEvents.set(event.pdu.eventId, event)
    this.write(...eventRows(event))
  }

  // ------------------------------------------------------------------------------------------------ states

  async state(id: StateId): Promise<RoomState> {
    const own = this.#newStates.get(id)
    if (own) return own.derived.state
    const head = this.requireHead()
    return head.state.id === id ? head.state : this.#states.get(head.number, id)
  }

  /** Stores what `delta` makes of `base`; an empty delta stores nothing and is `base`. Numbers it by the head. */
  deriveState(base: RoomState, delta: StateDelta): RoomState {
    if (delta.size === 0) return base
    const head = this.requireHead()
    return this.#derived(head, this.#states.derive(head.number, head.nextStateId, base, delta))
  }

  /** {@link deriveState} of a room's first state, which may be large: others have their turn meanwhile. */
  async deriveWholeState(map: SharedStateMap): Promise<RoomState> {
    const head = this.requireHead()
    return this.#derived(head, await this.#states.deriveWhole(head.number, head.nextStateId, map))
  }

  #derived(head: RoomHead, derived: DerivedState): RoomState {
    this.head = { ...head, nextStateId: (head.nextStateId + 1) as StateId }
    this.#newStates.set(derived.state.id, { room: head.number, derived })
    this.write(...derived.rows)
    return derived.state
  }

  requireHead(): RoomHead {
    if (!this.head) throw new Error(`room ${this.roomId} has no DAG here`)
    return this.head
  }

  // ------------------------------------------------------------------------------------------------ positions, notices

  /** A stream position that becomes visible, for this room and the users added to it, when the batch is durable. */
  position(): { readonly position: number; affects(user: UserId): void } {
    const pending = this.#counter.allocate()
    const open: OpenPosition = { pending, users: new Set() }
    this.#positions.push(open)
    return { position: pending.position, affects: (user) => open.users.add(user) }
  }

  /** Called once the batch is durable, after its positions are visible. */
  afterwards(notice: () => void): void {
    this.#notices.push(notice)
  }

  /** Called when the batch is handed over: for memory of what it holds, dropped again by `Database.onFailure`. */
  whenSubmitted(remember: () => void): void {
    this.#submitted.push(remember)
  }

  // ------------------------------------------------------------------------------------------------ outcome

  get empty(): boolean {
    return this.#operations.size === 0
  }

  /** Hands the batch to the database's line; from here on the next writer reads what this one wrote. */
  submit(): Promise<void> {
    const written = this.#database.submit([...this.#operations.values()])
    for (const event of this.#newEvents.values()) this.#events.remember(event)
    for (const { room, derived } of this.#newStates.values()) this.#states.remember(room, derived)
    for (const remember of this.#submitted) remember()
    return written
  }

  durable(): void {
    for (const { pending, users } of this.#positions) pending.done({ rooms: [this.roomId], users: [...users] })
    for (const notice of this.#notices) notice()
  }

  /** Once it is durable: readers see it, since nothing that was given an earlier position is under way any more. */
  async shown(): Promise<void> {
    const last = this.#positions.at(-1)
    if (last) await this.#counter.shown(last.pending.position)
  }

  /** Takes back everything: nothing of this transaction is to be written. */
  discard(): void {
    this.abandon()
    this.head = this.#before
    this.#operations.clear()
    this.#newEvents.clear()
    this.#newStates.clear()
    this.#positions = []
    this.#notices = []
    this.#submitted = []
  }

  abandon(): void {
    for (const { pending } of this.#positions) pending.abandon()
  }
}
