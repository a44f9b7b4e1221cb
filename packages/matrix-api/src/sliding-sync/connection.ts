import type { RoomId } from '@starling/protocol'
import type { Position } from '../ports.ts'
import { PendingMap } from './pending-map.ts'
import type { SentRoom } from './sent-room.ts'

/**
 * Rooms remembered per connection and stream, far beyond what accounts have. A room dropped is sent anew, as if it came for
 * the first time.
 */
const MAX_ROOMS = 10_000

/** Why a wait is ended; given, so that none has to be made for every request. */
const SUPERSEDED = 'superseded'

/** How far a room's stream was given: up to the connection's own position (`live`), or left behind at an earlier one. */
export type Progress = 'live' | Position

const STREAMS = ['receipts', 'accountData', 'typing'] as const
type Stream = (typeof STREAMS)[number]

/** What the client has, by the answers that it has come back from. */
interface Held {
  readonly position: Position
  readonly rooms: Map<RoomId, SentRoom>
  readonly streams: Readonly<Record<Stream, Map<RoomId, Progress>>>
  readonly globalAccountData: boolean
  readonly keyCounts: string | undefined
}

/** One answer in the making: all it says to the client is noted here and holds once the client comes back with its `pos`. */
export class Draft {
  /** Lower end of the answer's window; 0 at a connection's first request. */
  readonly since: Position
  /** The client has nothing yet. */
  readonly isFirst: boolean
  readonly rooms: PendingMap<RoomId, SentRoom>
  readonly receipts: PendingMap<RoomId, Progress>
  readonly accountData: PendingMap<RoomId, Progress>
  readonly typing: PendingMap<RoomId, Progress>
  globalAccountData: boolean
  /** The device's key counts as last told. */
  keyCounts: string | undefined

  constructor(held: Held, isFirst: boolean) {
    this.since = held.position
    this.isFirst = isFirst
    this.rooms = new PendingMap(held.rooms)
    this.receipts = new PendingMap(held.streams.receipts)
    this.accountData = new PendingMap(held.streams.accountData)
    this.typing = new PendingMap(held.streams.typing)
    this.globalAccountData = held.globalAccountData
    this.keyCounts = held.keyCounts
  }

  commit(): void {
    this.rooms.commit(MAX_ROOMS)
    for (const stream of STREAMS) this[stream].commit(MAX_ROOMS)
  }
}

/** A request that has its turn on a connection. */
export interface Turn {
  readonly number: number
  /** Fires when a newer request comes: a client has one at a time and has given this one up. */
  readonly signal: AbortSignal
}

/**
 * A sync loop of one device (MSC4186, "Connections"). The state before the last answer is kept until the client comes back
 * with that answer's `pos`, so a retry with the earlier `pos` gets everything again.
 */
export class Connection {
  #held: Held = {
    position: 0,
    rooms: new Map(),
    streams: { receipts: new Map(), accountData: new Map(), typing: new Map() },
    globalAccountData: false,
    keyCounts: undefined,
  }
  /** `pos` of the answer that `#held` is of; undefined until the client has come back once. */
  #pos: string | undefined
  #offered: { readonly pos: string; readonly position: Position; readonly draft: Draft } | undefined
  #turn = 0
  #current = new AbortController()

  /** Takes the turn from a request before. Undefined for a `pos` that is neither of the last two answers'. */
  begin(pos: string | undefined): Turn | undefined {
    if (pos !== this.#pos) {
      const offered = this.#offered
      if (!offered || offered.pos !== pos) return undefined
      this.#accept(offered)
    }
    this.#current.abort(SUPERSEDED)
    this.#current = new AbortController()
    return { number: ++this.#turn, signal: this.#current.signal }
  }

  draft(): Draft {
    return new Draft(this.#held, this.#pos === undefined)
  }

  /** The draft becomes the answer under `pos`. False where a newer request has taken the turn meanwhile. */
  offer(turn: Turn, draft: Draft, pos: string, position: Position): boolean {
    if (turn.number !== this.#turn) return false
    this.#offered = { pos, position, draft }
    return true
  }

  /** Ends what waits on it. */
  close(): void {
    this.#turn += 1
    this.#current.abort(SUPERSEDED)
  }

  #accept({
    pos,
    position,
    draft,
  }: {
    readonly pos: string
    readonly position: Position
    readonly draft: Draft
  }): void {
    draft.commit()
    this.#held = {
      ...this.#held,
      position,
      globalAccountData: draft.globalAccountData,
      keyCounts: draft.keyCounts,
    }
    this.#pos = pos
    this.#offered = undefined
  }
}
