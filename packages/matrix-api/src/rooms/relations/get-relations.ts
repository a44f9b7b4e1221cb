import type { EventId } from '@starling/protocol'
import { integerQuery } from '../../http/check-input.ts'
import { type Call, endpoint } from '../../http/endpoint.ts'
import type { RoomEvent } from '../../ports.ts'
import { booleanQuery, choiceQuery, eventIdOf, roomIdOf } from '../call-params.ts'
import { relationOf } from '../client-event.ts'
import type { ReadDeps } from '../deps.ts'
import { formFor, serialiseTimeline } from '../event-serialiser.ts'
import { formatPageToken, pageTokenQuery } from '../position-token.ts'
import { visibleEvent } from '../reading/get-event.ts'
import { openRoom, type RoomView } from '../room-view.ts'
import { findRelations, MAX_DEPTH } from './find-relations.ts'

const LIMIT = { min: 1, max: 250, fallback: 50 } as const
const PATH = '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}'

/** `GET /rooms/{roomId}/relations/{eventId}`, also with relationship type and event type: the children of an event. */
export function getRelations(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: `${PATH}/{relType}/{eventType}`,
    aliases: [PATH, `${PATH}/{relType}`]
      .flatMap((path) => [path, unstable(path)])
      .concat(unstable(`${PATH}/{relType}/{eventType}`)),
    auth: 'token',
    async handle(call) {
      const from = pageTokenQuery(call.query, 'from')
      const to = pageTokenQuery(call.query, 'to')
      const limit = integerQuery(call.query, 'limit', LIMIT)
      const direction = choiceQuery(call.query, 'dir', ['b', 'f']) ?? 'b'
      const recurse = booleanQuery(call.query, 'recurse')
      const view = await openRoom(deps, roomIdOf(call), call.requester.userId)
      const parent = await visibleEvent(deps, view, eventIdOf(call))
      const children = await shownChildren(deps, view, parent.pdu.eventId, call, recurse)
      const ordered = direction === 'b' ? children : children.toReversed()
      const inRange = ordered.filter((event) => isBetween(event, from, to, direction))
      const page = inRange.slice(0, limit)
      const form = formFor(call.requester, deps.clock)
      return {
        chunk: await serialiseTimeline(deps.reader, view, page, form, { relations: 'all' }),
        ...(inRange.length > page.length && { next_batch: formatPageToken(placeAfter(page.at(-1), direction)) }),
        ...(from !== undefined && { prev_batch: formatPageToken(from) }),
        ...(recurse && { recursion_depth: MAX_DEPTH }),
      }
    },
  })
}

async function shownChildren(
  deps: ReadDeps,
  view: RoomView,
  parent: EventId,
  call: Call,
  recurse: boolean,
): Promise<RoomEvent[]> {
  const { relType, eventType } = call.params
  const found = await findRelations(deps.reader, view, parent, recurse ? MAX_DEPTH : 1)
  return found.filter(({ pdu }) => {
    if (eventType !== undefined && pdu.type !== eventType) return false
    return relType === undefined || relationOf(pdu)?.relType === relType
  })
}

/** Newest first, `from` is above and `to` below; oldest first, the other way round. */
function isBetween(event: RoomEvent, from: number | undefined, to: number | undefined, direction: 'b' | 'f'): boolean {
  const order = event.order ?? 0
  const [upper, lower] = direction === 'b' ? [from, to] : [to, from]
  return (upper === undefined || order <= upper) && (lower === undefined || order > lower)
}

function placeAfter(event: RoomEvent | undefined, direction: 'b' | 'f'): number {
  const order = event?.order ?? 0
  return direction === 'b' ? order - 1 : order
}

function unstable(path: string): string {
  return path.replace('/v1/', '/unstable/')
}
