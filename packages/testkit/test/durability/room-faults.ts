import type { ClientEvent } from '@starling/testkit'
import type { Attempt } from './ledger.ts'

/**
 * What is wrong with a room's timeline, by what was acknowledged in it. Empty where all is well. Looks for
 * - acknowledged events that are not there, or more than once,
 * - two events made of one request,
 * - an order that no sequence of the answers explains: an event behind one that was asked for after it was acknowledged.
 */
export function faultsOf(timeline: readonly ClientEvent[], attempts: readonly Attempt[]): string[] {
  return [...missing(timeline, attempts), ...repeated(timeline), ...outOfOrder(timeline, attempts)]
}

function missing(timeline: readonly ClientEvent[], attempts: readonly Attempt[]): string[] {
  const there = new Set(timeline.map((event) => event.event_id))
  return attempts.flatMap(({ acknowledged, eventId, path }) =>
    acknowledged !== undefined && eventId !== undefined && !there.has(eventId)
      ? [`lost: ${eventId} of ${path} was acknowledged and is not there`]
      : [],
  )
}

function repeated(timeline: readonly ClientEvent[]): string[] {
  const faults: string[] = []
  const ids = new Set<string>()
  const marks = new Map<string, string>()
  for (const { event_id: id, content } of timeline) {
    if (ids.has(id)) faults.push(`twice: ${id}`)
    ids.add(id)
    // Every request carries a mark of its own; a redacted event has lost its, and is then known by its id alone.
    const { mark } = content
    if (typeof mark !== 'string') continue
    const other = marks.get(mark)
    if (other !== undefined && other !== id) faults.push(`two events of one request: ${other} and ${id} for ${mark}`)
    marks.set(mark, id)
  }
  return faults
}

function outOfOrder(timeline: readonly ClientEvent[], attempts: readonly Attempt[]): string[] {
  const byId = new Map(attempts.map((attempt) => [attempt.eventId, attempt]))
  const faults: string[] = []
  let latestAsked = -1
  for (const { event_id: id } of timeline) {
    const attempt = byId.get(id)
    if (attempt?.acknowledged === undefined) continue
    if (attempt.acknowledged < latestAsked) faults.push(`late: ${id} of ${attempt.path} stands behind a later one`)
    latestAsked = Math.max(latestAsked, attempt.asked)
  }
  return faults
}
