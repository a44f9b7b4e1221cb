import type { EventId } from '@starling/protocol'
import { integerQuery } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import type { RoomEvent } from '../../ports.ts'
import { choiceQuery, roomIdOf } from '../call-params.ts'
import { relationOf } from '../client-event.ts'
import type { ReadDeps } from '../deps.ts'
import { formFor, serialiseTimeline } from '../event-serialiser.ts'
import { formatPageToken, pageTokenQuery } from '../position-token.ts'
import { openRoom, type RoomView } from '../room-view.ts'

const LIMIT = { min: 1, max: 100, fallback: 20 } as const
/** Events looked at for one page; the client goes on from where it stopped. */
const MAX_SCANNED = 5_000
const PAGE = 250

/** `GET /rooms/{roomId}/threads`: thread roots by their newest answer, newest first. */
export function getThreads(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v1/rooms/{roomId}/threads',
    aliases: ['/_matrix/client/unstable/org.matrix.msc3856/rooms/{roomId}/threads'],
    auth: 'token',
    async handle(call) {
      const include = choiceQuery(call.query, 'include', ['all', 'participated']) ?? 'all'
      const limit = integerQuery(call.query, 'limit', LIMIT)
      const from = pageTokenQuery(call.query, 'from')
      const view = await openRoom(deps, roomIdOf(call), call.requester.userId)
      const { roots, next } = await findThreads(deps, view, from, limit, include === 'participated')
      const form = formFor(call.requester, deps.clock)
      return {
        chunk: await serialiseTimeline(deps.reader, view, roots, form, { relations: 'all' }),
        ...(next === undefined ? {} : { next_batch: formatPageToken(next) }),
      }
    },
  })
}

/** Walks back over the room: a root is found at its thread's newest event, and only there, so pages never repeat one. */
async function findThreads(
  deps: ReadDeps,
  view: RoomView,
  start: number | undefined,
  limit: number,
  participatedOnly: boolean,
): Promise<{ readonly roots: RoomEvent[]; readonly next: number | undefined }> {
  const roots: RoomEvent[] = []
  const newest = view.newest
  let from = newest === undefined ? start : Math.min(start ?? newest, newest)
  for (let scanned = 0; scanned < MAX_SCANNED; ) {
    const walk = { direction: 'b', limit: PAGE, to: Number.MIN_SAFE_INTEGER, ...(from === undefined ? {} : { from }) }
    const slice = await deps.reader.timeline(view.roomId, walk as { direction: 'b'; limit: number; to: number })
    for (const event of await view.shown(slice.events)) {
      const root = await rootEndingAt(deps, view, event, participatedOnly)
      if (root) roots.push(root)
      if (roots.length === limit) return { roots, next: (event.order ?? 0) - 1 }
    }
    scanned += slice.events.length
    from = slice.next
    if (from === undefined || slice.events.length === 0) return { roots, next: undefined }
  }
  return { roots, next: from }
}

/** The root of the thread whose newest visible event this is. */
async function rootEndingAt(
  deps: ReadDeps,
  view: RoomView,
  event: RoomEvent,
  participatedOnly: boolean,
): Promise<RoomEvent | undefined> {
  const relation = event.redactedBecause ? undefined : relationOf(event.pdu)
  if (relation?.relType !== 'm.thread') return undefined
  const root = await deps.reader.event(view.roomId, relation.eventId)
  if (!root || !(await view.visibility.canSee(root))) return undefined
  if ((await newestInThread(deps, view, relation.eventId))?.pdu.eventId !== event.pdu.eventId) return undefined
  if (participatedOnly && !(await participated(deps, view, root))) return undefined
  return root
}

async function newestInThread(deps: ReadDeps, view: RoomView, root: EventId): Promise<RoomEvent | undefined> {
  let from: number | undefined
  do {
    const filter = { relType: 'm.thread', limit: 20, ...(from === undefined ? {} : { from }) }
    const slice = await deps.reader.relations(view.roomId, root, filter)
    const shown = await view.shown(slice.events.filter((event) => !event.redactedBecause))
    if (shown[0]) return shown[0]
    from = slice.next
  } while (from !== undefined)
  return undefined
}

async function participated(deps: ReadDeps, view: RoomView, root: RoomEvent): Promise<boolean> {
  if (root.pdu.sender === view.userId) return true
  let from: number | undefined
  do {
    const filter = { relType: 'm.thread', limit: PAGE, ...(from === undefined ? {} : { from }) }
    const slice = await deps.reader.relations(view.roomId, root.pdu.eventId, filter)
    if (slice.events.some(({ pdu, redactedBecause }) => !redactedBecause && pdu.sender === view.userId)) return true
    from = slice.next
  } while (from !== undefined)
  return false
}
