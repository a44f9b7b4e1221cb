import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import type { Ephemeral, Position, RoomEvent, RoomReader } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import type { RoomView } from '../rooms/room-view.ts'
import type { PushEvaluation, ThreadId } from './ports.ts'
import { threadOf } from './thread-of.ts'

/** Newest events of a room that are looked at for its counts: what lies further back does not count. */
const MAX_SCANNED = 200
const PAGE = 100
/** Rooms (per user) whose counts are kept; the longest unused goes first and is counted anew. */
const MAX_ROOMS = 2_000

/** An event that may be unread: it notifies, or it is the user's own and so shows that they have read up to it. */
interface Mark {
  readonly order: number
  readonly thread: ThreadId
  readonly kind: 'notify' | 'highlight' | 'own'
}

interface Scanned {
  readonly rulesVersion: number
  readonly upTo: Position
  /** In timeline order, bounded by `MAX_SCANNED` events. */
  readonly marks: readonly Mark[]
}

/** What a stretch of the timeline brings. */
interface News {
  /** Oldest first. */
  readonly marks: readonly Mark[]
  /** Places of events, in this stretch or before it, that were redacted in it. */
  readonly redacted: ReadonlySet<number>
}

const NO_NEWS: News = { marks: [], redacted: new Set() }

interface Count {
  notify: number
  highlight: number
}

export interface UnreadSources {
  readonly reader: RoomReader
  readonly ephemeral: Ephemeral
  readonly push: PushEvaluation
}

/**
 * Unread counts (Client-Server API, "Receiving notifications"): events after the user's receipts that their push rules
 * notify for. Verdicts are kept per room, so that each event is evaluated once, not at every sync.
 */
export class UnreadCounts {
  readonly #sources: UnreadSources
  readonly #rooms = new LruCache<string, Scanned>(MAX_ROOMS)

  constructor(sources: UnreadSources) {
    this.#sources = sources
  }

  /** The keys of a joined room in /sync. With `perThread`, threads are counted by themselves, not in the room's count. */
  async of(view: RoomView, upTo: Position, perThread: boolean): Promise<JsonObject> {
    const { marks } = await this.#scan(view, upTo)
    const counts = await this.#count(view, marks)
    const main: Count = { notify: 0, highlight: 0 }
    const threads: Record<string, JsonObject> = {}
    for (const [thread, count] of counts) {
      if (perThread && thread !== 'main') {
        if (count.notify > 0) threads[thread] = toJson(count)
        continue
      }
      main.notify += count.notify
      main.highlight += count.highlight
    }
    return {
      unread_notifications: toJson(main),
      ...(Object.keys(threads).length > 0 && { unread_thread_notifications: threads }),
    }
  }

  async #scan(view: RoomView, upTo: Position): Promise<Scanned> {
    const key = `${view.userId} ${view.roomId}`
    const rulesVersion = await this.#sources.push.rulesVersion(view.userId)
    const known = this.#rooms.get(key)
    const usable = known !== undefined && known.rulesVersion === rulesVersion && known.upTo <= upTo
    const after = usable ? known.upTo : 0
    const fresh = after === upTo ? NO_NEWS : await this.#newsBetween(view, after, upTo)
    const kept = usable ? known.marks.filter(({ order, kind }) => kind === 'own' || !fresh.redacted.has(order)) : []
    const marks = [...kept, ...fresh.marks].slice(-MAX_SCANNED)
    const scanned = { rulesVersion, upTo, marks }
    this.#rooms.set(key, scanned)
    return scanned
  }

  /** Of the newest events in `(after, upTo]`; no marks that an unthreaded receipt covers or before the join. */
  async #newsBetween(view: RoomView, after: Position, upTo: Position): Promise<News> {
    const { reader, push } = this.#sources
    const read = await this.#readUpTo(view.roomId, view.userId, undefined)
    const floor = Math.max(after, read, await view.joinedAt())
    const marks: Mark[] = []
    const redacted = new Set<number>()
    let from = upTo
    let scanned = 0
    while (from > floor && scanned < MAX_SCANNED) {
      const slice = await reader.timeline(view.roomId, { direction: 'b', from, to: floor, limit: PAGE })
      const events = await view.shown(slice.events)
      const verdicts = await push.evaluate(view.userId, view.roomId, events)
      for (const [index, event] of events.entries()) {
        const kind = kindOf(event, view.userId, verdicts[index])
        if (kind && event.order !== undefined) {
          marks.push({ order: event.order, thread: await threadOf(reader, view.roomId, event), kind })
        }
      }
      for (const order of await this.#redactedBy(view.roomId, slice.events)) redacted.add(order)
      scanned += slice.events.length
      if (slice.next === undefined) break
      from = slice.next
    }
    return { marks: marks.reverse(), redacted }
  }

  /** Places of the events that redactions among these have redacted: they notify of nothing any more. */
  async #redactedBy(roomId: RoomId, events: readonly RoomEvent[]): Promise<number[]> {
    const targets = events.flatMap(({ pdu }) => pdu.redacts ?? [])
    if (targets.length === 0) return []
    const found = await this.#sources.reader.events(roomId, targets)
    return found.flatMap(({ order, redactedBecause }) => (order !== undefined && redactedBecause ? [order] : []))
  }

  async #count(view: RoomView, marks: readonly Mark[]): Promise<Map<ThreadId, Count>> {
    const everywhere = await this.#readUpTo(view.roomId, view.userId, undefined)
    const readUpTo = new Map<ThreadId, number>()
    const counts = new Map<ThreadId, Count>()
    for (const mark of marks) {
      if (!readUpTo.has(mark.thread)) {
        const receipt = await this.#readUpTo(view.roomId, view.userId, mark.thread)
        readUpTo.set(mark.thread, Math.max(everywhere, receipt))
      }
      if (mark.order <= (readUpTo.get(mark.thread) ?? 0)) continue
      if (mark.kind === 'own') {
        counts.delete(mark.thread)
        continue
      }
      const count = counts.get(mark.thread) ?? { notify: 0, highlight: 0 }
      count.notify += 1
      if (mark.kind === 'highlight') count.highlight += 1
      counts.set(mark.thread, count)
    }
    return counts
  }

  /** The further of the user's public and private receipt, as a place in the timeline; 0 where there is none. */
  async #readUpTo(roomId: RoomId, userId: UserId, thread: ThreadId | undefined): Promise<number> {
    const { reader, ephemeral } = this.#sources
    let furthest = 0
    for (const type of ['m.read', 'm.read.private'] as const) {
      const receipt = await ephemeral.receiptOf(roomId, userId, type, thread)
      const order = receipt && (await reader.event(roomId, receipt.eventId))?.order
      if (order !== undefined && order > furthest) furthest = order
    }
    return furthest
  }
}

function kindOf(
  event: RoomEvent,
  userId: UserId,
  verdict: { readonly notify: boolean; readonly highlight: boolean } | undefined,
): Mark['kind'] | undefined {
  // A membership change says nothing about what its user has read.
  if (event.pdu.sender === userId) return event.pdu.stateKey === undefined ? 'own' : undefined
  if (!verdict?.notify) return undefined
  return verdict.highlight ? 'highlight' : 'notify'
}

function toJson(count: Count): JsonObject {
  return { notification_count: count.notify, highlight_count: count.highlight }
}
