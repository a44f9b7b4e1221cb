import type { AbortOptions } from '@starling/protocol'
import type { EventMatcher } from '../../filters/event-matcher.ts'
import type { RoomEvent, RoomReader } from '../../ports.ts'
import type { RoomView } from '../room-view.ts'

export interface PageWalk {
  readonly direction: 'f' | 'b'
  /** Undefined: from the newest (`b`) or the oldest (`f`) event. */
  readonly from: number | undefined
  readonly to: number | undefined
  readonly limit: number
}

export interface Page {
  /** In the order of the walk. */
  readonly events: readonly RoomEvent[]
  /** Where to go on; undefined at the end. */
  readonly next: number | undefined
}

/**
 * Events looked at for one page at most. A page may be empty where none of them may be shown: with `next` set, the client
 * goes on from there.
 */
const MAX_SCANNED = 1_000
const MIN_READ = 20

/** Up to `limit` events that the filter and the room's history let the user see. */
export async function readPage(
  reader: RoomReader,
  view: RoomView,
  filter: EventMatcher,
  walk: PageWalk,
  options: AbortOptions = {},
): Promise<Page> {
  const bounds = bounded(view, walk)
  const events: RoomEvent[] = []
  let from: number | undefined = bounds.from
  let scanned = 0
  while (events.length < walk.limit) {
    const limit = Math.max(MIN_READ, walk.limit - events.length)
    const slice = await reader.timeline(view.roomId, { ...bounds, ...place(from), limit }, options)
    const shown = await view.shown(slice.events.filter((event) => matches(filter, event)))
    const room = walk.limit - events.length
    events.push(...shown.slice(0, room))
    if (shown.length > room) return { events, next: after(events.at(-1), walk.direction) }
    scanned += slice.events.length
    from = slice.next
    if (from === undefined || scanned >= MAX_SCANNED) break
  }
  return { events, next: from }
}

/** Nobody reads past the end of their stay. */
function bounded(view: RoomView, { direction, from, to }: PageWalk) {
  const { newest } = view
  const capped = (bound: number | undefined) => (newest === undefined ? bound : Math.min(bound ?? newest, newest))
  const start = direction === 'b' ? capped(from) : from
  const end = direction === 'f' ? capped(to) : to
  return { direction, ...(start === undefined ? {} : { from: start }), ...(end === undefined ? {} : { to: end }) }
}

function place(from: number | undefined): { readonly from?: number } {
  return from === undefined ? {} : { from }
}

/** The place just behind an event, in the walk's direction. */
function after(event: RoomEvent | undefined, direction: 'f' | 'b'): number | undefined {
  if (event?.order === undefined) return undefined
  return direction === 'b' ? event.order - 1 : event.order
}

function matches(filter: EventMatcher, event: RoomEvent): boolean {
  const { type, sender, content } = event.pdu
  return filter.matches({ type, sender, content })
}
