import type { AbortOptions, EventId } from '@starling/protocol'
import type { RoomHead } from '../room/room-head.ts'
import type { Database } from '../store/database.ts'
import { tables } from '../store/tables.ts'

export interface TimelineWalk {
  readonly direction: 'f' | 'b'
  readonly from?: number
  readonly to?: number
  readonly limit: number
}

export interface TimelineRows {
  readonly rows: readonly { readonly eventId: EventId; readonly order: number }[]
  /** There is more beyond the last row, within the bounds. */
  readonly more: boolean
}

/** Events given out at once, whatever was asked for. */
export const MAX_LIMIT = 1_000

/** Rows of the stored timeline within the walk's bounds. `visible`: nothing of a higher position is shown. */
export async function walkTimeline(
  database: Database,
  head: RoomHead,
  walk: TimelineWalk,
  visible: number,
): Promise<TimelineRows> {
  const { direction, from, to } = walk
  const limit = clampLimit(walk.limit)
  const lowest = direction === 'f' ? from : to
  const highest = direction === 'f' ? to : from
  const upTo = Math.min(highest ?? visible, visible)
  // A client may name any number, the largest that there is too: nothing comes after that one.
  if (lowest !== undefined && lowest >= upTo) return { rows: [], more: false }
  const bounds = { ...(lowest === undefined ? {} : { from: lowest + 1 }), to: upTo }
  const rows: { readonly eventId: EventId; readonly order: number }[] = []
  const options = { reverse: direction === 'b', limit: limit + 1 }
  for await (const { key, value } of tables.timeline.between(database.durable, [head.number], bounds, options)) {
    rows.push({ eventId: value, order: key[1] })
  }
  return { rows: rows.slice(0, limit), more: rows.length > limit }
}

export function clampLimit(limit: number): number {
  return Number.isFinite(limit) ? Math.min(Math.max(Math.trunc(limit), 1), MAX_LIMIT) : MAX_LIMIT
}

/** Fetches in a row that bring nothing to show: answers full of rejected or withheld events (CVE-2026-45076). */
const MAX_FETCHES = 5

/** What may still be fetched before what a walk has found. */
export type BeforeThat = 'nothing' | 'more' | 'nobody-gives'

/**
 * Goes on fetching history while the walk has found less than it wants and other servers still have something. `enough`
 * walks anew: it has the last word, since others fetch at the same time, and what one of them brought is no longer missing.
 */
export async function fetchUntil(
  enough: () => Promise<boolean>,
  backward: () => Promise<readonly EventId[]>,
  fetch: (from: readonly EventId[], options?: AbortOptions) => Promise<void>,
  options?: AbortOptions,
): Promise<BeforeThat> {
  let before = await backward()
  let progress = true
  for (let round = 0; round < MAX_FETCHES && before.length > 0 && !options?.signal?.aborted; round++) {
    await fetch(before, options)
    const after = await backward()
    progress = after.length !== before.length || after.some((eventId, index) => eventId !== before[index])
    before = after
    if (!progress || (await enough())) break
  }
  await enough()
  if (before.length === 0) return 'nothing'
  return progress ? 'more' : 'nobody-gives'
}
