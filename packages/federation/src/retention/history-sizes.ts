import type { RoomId } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomWriter } from '../room/room-writer.ts'
import type { Database } from '../store/database.ts'
import { type EventRow, type RoomNumber, tables } from '../store/tables.ts'

/** Timeline rows that are measured together. */
const ROWS_PER_SPAN = 250

/** A part of a room's timeline, by the orders of its first and last row. */
export interface HistorySpan {
  readonly from: number
  readonly to: number
  readonly rows: number
  readonly bytes: number
}

export interface HistorySizeParts {
  readonly database: Database
  readonly writer: RoomWriter
}

/**
 * How much the messages of each room take on the disk, as JSON, before the database packs it. Counted in spans of the timeline, each once:
 * what is new is measured when somebody asks, so that nothing that comes in has to be counted then. A redaction makes a message smaller
 * and is not noticed before its span is pruned.
 */
export class HistorySizes {
  readonly #parts: HistorySizeParts

  constructor(parts: HistorySizeParts) {
    this.#parts = parts
  }

  /** Measures one more span of what is not measured yet. False once there is none. */
  measure(roomId: RoomId): Promise<boolean> {
    return this.#parts.writer.transact(roomId, async (transaction) => {
      if (!transaction.head) return false
      const { number } = transaction.head
      const [oldest, newest] = [await this.#end(number, false), await this.#end(number, true)]
      const newer = await this.#orders(number, newest === undefined ? {} : { from: newest.to + 1 })
      if (newer.length > 0) {
        // The last span is filled up first.
        const open = newest && newest.bytes > 0 && newest.rows < ROWS_PER_SPAN ? newest : undefined
        const rows = open ? await this.#orders(number, { from: open.from }) : newer
        if (open) transaction.write(tables.historySpan.del([number, open.to]))
        await this.#write(number, rows, transaction)
        return true
      }
      // History that was fetched since goes before what was the oldest.
      const older = oldest ? await this.#orders(number, { to: oldest.from - 1 }, true) : []
      if (older.length > 0) await this.#write(number, older.reverse(), transaction)
      return older.length > 0
    })
  }

  /** What is measured of a room, the oldest first. */
  async spans(roomId: RoomId): Promise<readonly HistorySpan[]> {
    return this.#parts.writer.transact(roomId, async ({ head }) => {
      if (!head) return []
      const spans: HistorySpan[] = []
      for await (const { key, value } of tables.historySpan.scan(this.#parts.database.durable, [head.number])) {
        spans.push({ ...value, to: key[1] })
      }
      return spans
    })
  }

  /**
   * Measures again what was pruned up to that order. Spans of which nothing is left to be pruned become one, so that they are
   * neither kept nor looked at one by one for good.
   */
  async settle(roomId: RoomId, upTo: number): Promise<void> {
    let before: HistorySpan | undefined
    for (const span of await this.spans(roomId)) {
      if (span.from > upTo) break
      before = span.bytes === 0 && !before ? span : await this.#measureAgain(roomId, span, before)
    }
  }

  /** @returns the span, with the empty one before it where it is empty as well. */
  #measureAgain(roomId: RoomId, span: HistorySpan, before: HistorySpan | undefined): Promise<HistorySpan> {
    return this.#parts.writer.transact(roomId, async (transaction) => {
      if (!transaction.head) return span
      const { number } = transaction.head
      const rows = span.bytes === 0 ? [] : await this.#orders(number, { from: span.from, to: span.to })
      const measured = { ...span, rows: rows.length, bytes: span.bytes === 0 ? 0 : await this.#bytesOf(rows) }
      const joins = before?.bytes === 0 && measured.bytes === 0
      const outcome = joins ? { ...measured, from: before.from } : measured
      if (joins) transaction.write(tables.historySpan.del([number, before.to]))
      const { from, bytes } = outcome
      transaction.write(tables.historySpan.put([number, span.to], { from, rows: outcome.rows, bytes }))
      return outcome
    })
  }

  async #write(room: RoomNumber, rows: readonly Row[], transaction: RoomTransaction): Promise<void> {
    const [first, last] = [rows[0], rows.at(-1)]
    if (!first || !last) return
    const row = { from: first.order, rows: rows.length, bytes: await this.#bytesOf(rows) }
    transaction.write(tables.historySpan.put([room, last.order], row))
  }

  async #bytesOf(rows: readonly Row[]): Promise<number> {
    const values = await this.#parts.database.getMany(rows.map(({ eventId }) => tables.event.key(eventId)))
    let bytes = 0
    for (const value of values) if (value && isMessage(value)) bytes += value.length
    return bytes
  }

  async #end(room: RoomNumber, reverse: boolean): Promise<HistorySpan | undefined> {
    const source = this.#parts.database.durable
    for await (const { key, value } of tables.historySpan.scan(source, [room], { reverse, limit: 1 })) {
      return { ...value, to: key[1] }
    }
    return undefined
  }

  async #orders(room: RoomNumber, bounds: { from?: number; to?: number }, reverse = false): Promise<Row[]> {
    const rows: Row[] = []
    const source = this.#parts.database.durable
    const options = { reverse, limit: ROWS_PER_SPAN }
    for await (const { key, value } of tables.timeline.between(source, [room], bounds, options)) {
      rows.push({ order: key[1], eventId: value })
    }
    return rows
  }
}

interface Row {
  readonly order: number
  readonly eventId: Parameters<typeof tables.event.key>[0]
}

function isMessage(value: Uint8Array): boolean {
  const row = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')) as EventRow
  return row.pdu.state_key === undefined
}

/**
 * What each room may take so that all together take no more than `limit`: rooms that take less than their part leave the rest to the
 * others, so the largest give first, and nobody who floods one room empties another. Infinity where all fits.
 */
export function shareOf(sizes: readonly number[], limit: number): number {
  let left = limit
  for (const [index, size] of [...sizes].sort((a, b) => a - b).entries()) {
    const share = Math.floor(left / (sizes.length - index))
    if (size > share) return share
    left -= size
  }
  return Number.POSITIVE_INFINITY
}
