import { eventMatcher } from '../../filters/event-matcher.ts'
import { endpoint } from '../../http/endpoint.ts'
import { roomIdOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { formFor, serialiseState, serialiseTimeline } from '../event-serialiser.ts'
import { formatPageToken } from '../position-token.ts'
import { openRoom } from '../room-view.ts'
import { stateEvents } from '../state-reading.ts'
import { readPage } from './read-page.ts'

/** Newest messages given; the spec leaves the number open and takes no parameter for it. */
const LIMIT = 20

/** `GET /rooms/{roomId}/initialSync`: for looking into rooms that one is not in ("Room Previews"). */
export function getRoomInitialSync(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/initialSync',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const { userId } = call.requester
      const view = await openRoom(deps, roomId, userId)
      const end = view.newest ?? deps.positions.current()
      const walk = { direction: 'b', from: end, to: 0, limit: LIMIT } as const
      const page = await readPage(deps.reader, view, eventMatcher(undefined), walk)
      const form = formFor(call.requester, deps.clock)
      const events = page.events.toReversed()
      const row = await deps.reader.membership(roomId, userId)
      const state = await stateEvents(deps.reader, roomId, await view.state())
      const changes = await deps.accountData.changes(userId, 0, deps.positions.current())
      return {
        room_id: roomId,
        ...(row && { membership: row.membership }),
        messages: {
          ...(page.next === undefined ? {} : { start: formatPageToken(page.next) }),
          end: formatPageToken(end),
          chunk: await serialiseTimeline(deps.reader, view, events, form, { relations: 'none' }),
        },
        state: await serialiseState(deps.reader, state, form),
        visibility: (await deps.directory.isPublished(roomId)) ? 'public' : 'private',
        account_data: changes
          .filter((change) => change.roomId === roomId)
          .map(({ type, content }) => ({ type, content })),
      }
    },
  })
}
