import type { Clock, Logger, RoomId, UserId } from '@starling/protocol'
import type { Position, RoomEvent, RoomReader, StreamPositions } from '../ports.ts'
import type { HistoryListener } from '../rooms/deps.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import type { NewDocument, SearchIndex } from './search-index.ts'
import { searchableText } from './searchable-text.ts'

export interface IndexFollowerDeps {
  readonly index: SearchIndex
  readonly reader: RoomReader
  readonly positions: StreamPositions
  readonly users: { list(): Promise<readonly UserId[]> }
  readonly clock: Clock
  readonly logger: Logger
}

/** Events read and indexed in one batch. */
const PAGE = 250
/** Between two looks at all rooms: what was pruned is out of the index so much later at most. */
const ROUND_MS = 60 * 60 * 1000
/** Between two batches of a room's history, so that who uses the node does not notice. */
const PAUSE_MS = 5
/** Oldest documents in a row that are still there, after which a look for pruned ones ends. */
const STILL_THERE = 200
/** Keys of the queue beside those of rooms, which begin with `!`. */
const HISTORY = 'history'
const CATCH_UP = 'catch up'

/**
 * Keeps the index up with the rooms: new events by stream position, stored history in the background, the newest first. Each
 * room's span is durable with its documents, so that after a crash it goes on from there and nothing is missed.
 */
export class IndexFollower implements HistoryListener {
  readonly #deps: IndexFollowerDeps
  readonly #stop = new AbortController()
  /** By room: one indexing of a room at a time. */
  readonly #queue = new KeyedQueue()
  #seen: Position = 0
  #lookedOver = 0
  #running: Promise<void> = Promise.resolve()

  constructor(deps: IndexFollowerDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#running = this.#follow().catch((error: unknown) =>
      this.#deps.logger.error({ error: String(error) }, 'the search index cannot follow the rooms'),
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#queue.run(HISTORY, async () => undefined)
  }

  /** Resolves once everything that is visible now has been indexed, but for rooms' older history. */
  catchUp(): Promise<void> {
    return this.#queue.run(CATCH_UP, () => this.#catchUp())
  }

  /** Resolves once all that is stored has been indexed. */
  async settled(): Promise<void> {
    await this.catchUp()
    for (const roomId of await this.#rooms()) await this.#history(roomId)
  }

  /** What a user has forgotten goes from the index when nobody else here has it. */
  async roomForgotten(roomId: RoomId): Promise<void> {
    if (!(await this.#rooms()).includes(roomId)) {
      await this.#queue.run(roomId, () => this.#deps.index.removeRoom(roomId))
    }
  }

  /** Older history of the room may have come, or gone. */
  historyChanged(roomId: RoomId): void {
    this.#inBackground(() => this.#history(roomId))
  }

  async #follow(): Promise<void> {
    await this.catchUp()
    await this.#lookOver()
    while (!this.#stop.signal.aborted) {
      await this.#deps.positions.wait(this.#seen, ({ rooms }) => (rooms?.length ?? 0) > 0, {
        timeoutMs: ROUND_MS,
        signal: this.#stop.signal,
      })
      if (this.#stop.signal.aborted) return
      await this.catchUp()
      if (this.#deps.clock.now() - this.#lookedOver >= ROUND_MS) await this.#lookOver()
    }
  }

  /** For what nobody tells of: rooms that are gone, history that came or went otherwise. */
  async #lookOver(): Promise<void> {
    this.#lookedOver = this.#deps.clock.now()
    const rooms = new Set(await this.#rooms())
    for (const roomId of await this.#deps.index.rooms()) {
      if (!rooms.has(roomId)) await this.#queue.run(roomId, () => this.#deps.index.removeRoom(roomId))
    }
    for (const roomId of rooms) this.historyChanged(roomId)
  }

  async #catchUp(): Promise<void> {
    const { positions } = this.#deps
    const now = positions.current()
    const touched = await this.#touched()
    for (const roomId of touched) {
      if (this.#stop.signal.aborted) return
      await this.#queue.run(roomId, () => this.#forward(roomId, now))
    }
    this.#seen = Math.max(this.#seen, now)
  }

  /** Rooms in which something happened after `#seen`; all, where that is further back than is remembered. */
  async #touched(): Promise<Iterable<RoomId>> {
    const touched = new Set<RoomId>()
    if (this.#seen > 0) {
      const collect = ({ rooms }: { readonly rooms?: readonly RoomId[] }) => {
        for (const roomId of rooms ?? []) touched.add(roomId)
        return false
      }
      const forgotten = await this.#deps.positions.wait(this.#seen, collect, { timeoutMs: 0 })
      if (!forgotten) return touched
    }
    return this.#rooms()
  }

  /** Rooms that a local user is in or may look back at. */
  async #rooms(): Promise<RoomId[]> {
    const rooms = new Set<RoomId>()
    for (const userId of await this.#deps.users.list()) {
      for (const { roomId, forgotten, membership } of await this.#deps.reader.roomsOf(userId)) {
        if (!forgotten && membership !== 'invite' && membership !== 'knock') rooms.add(roomId)
      }
    }
    return [...rooms]
  }

  async #forward(roomId: RoomId, now: Position): Promise<void> {
    const { index, reader } = this.#deps
    const span = await index.span(roomId)
    if (!span) {
      if ((await reader.roomVersion(roomId)) === undefined) return
      // The newest first: everything up to now counts as history, of which one page is done at once.
      await index.add(roomId, [], { low: now + 1, high: now })
      if (await this.#backward(roomId)) this.historyChanged(roomId)
      return
    }
    if (span.high >= (await reader.lastChange(roomId))) return
    let from: number | undefined = span.high
    while (from !== undefined && from < now && !this.#stop.signal.aborted) {
      const slice = await reader.timeline(roomId, { direction: 'f', from, to: now, limit: PAGE })
      const high = slice.next === undefined ? now : (slice.events.at(-1)?.order ?? now)
      await this.#take(roomId, slice.events, { low: span.low, high })
      from = slice.next
    }
  }

  /** What is stored below the span, then what was stored and is there no more. */
  async #history(roomId: RoomId): Promise<void> {
    while (!this.#stop.signal.aborted && (await this.#queue.run(roomId, () => this.#backward(roomId)))) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    await this.#queue.run(roomId, () => this.#dropPruned(roomId))
  }

  /** One page of stored history below the span. True if there may be more. */
  async #backward(roomId: RoomId): Promise<boolean> {
    const { index, reader } = this.#deps
    const span = await index.span(roomId)
    if (!span || (await reader.roomVersion(roomId)) === undefined) return false
    const walk = { direction: 'b', from: span.low - 1, to: Number.MIN_SAFE_INTEGER, limit: PAGE } as const
    const { events } = await reader.timeline(roomId, walk)
    const low = events.at(-1)?.order
    if (low === undefined) return false
    await this.#take(roomId, events, { low, high: span.high })
    return true
  }

  async #take(
    roomId: RoomId,
    events: readonly RoomEvent[],
    span: { readonly low: number; readonly high: number },
  ): Promise<void> {
    const { index, clock } = this.#deps
    const documents: NewDocument[] = []
    for (const { pdu, order, redactedBecause } of events) {
      if (order === undefined || redactedBecause) continue
      const texts = searchableText(pdu)
      // A sender's clock may be ahead: that does not keep a message on top for ever.
      const ts = Math.min(pdu.originServerTs, clock.now())
      if (texts.length > 0) documents.push({ eventId: pdu.eventId, order, ts, texts })
    }
    await index.add(roomId, documents, span)
    await this.#dropRedacted(roomId, events)
  }

  async #dropRedacted(roomId: RoomId, events: readonly RoomEvent[]): Promise<void> {
    const targets = events.flatMap(({ pdu }) => (pdu.redacts === undefined ? [] : [pdu.redacts]))
    if (targets.length === 0) return
    const redacted = (await this.#deps.reader.events(roomId, targets)).filter((event) => event.redactedBecause)
    await this.#deps.index.remove(
      roomId,
      redacted.flatMap(({ order }) => (order === undefined ? [] : [order])),
    )
  }

  /** Messages that were removed as too old: the oldest ones, so the look ends at the first that are all there. */
  async #dropPruned(roomId: RoomId): Promise<void> {
    const { index, reader } = this.#deps
    let after: number | undefined
    while (!this.#stop.signal.aborted) {
      const oldest = await index.documentsOf(roomId, { limit: STILL_THERE, ...(after === undefined ? {} : { after }) })
      if (oldest.length === 0) return
      const events = await reader.events(
        roomId,
        oldest.map(({ eventId }) => eventId),
      )
      const there = new Set(
        events
          .filter(({ pdu, redactedBecause }) => !redactedBecause && searchableText(pdu).length > 0)
          .map(({ pdu }) => pdu.eventId),
      )
      const gone = oldest.filter(({ eventId }) => !there.has(eventId))
      if (gone.length === 0) return
      await index.remove(
        roomId,
        gone.map(({ order }) => order),
      )
      after = oldest.at(-1)?.order
    }
  }

  #inBackground(task: () => Promise<void>): void {
    this.#queue.run(HISTORY, task).catch((error: unknown) => {
      this.#deps.logger.error({ error: String(error) }, "a room's history could not be indexed")
    })
  }
}
