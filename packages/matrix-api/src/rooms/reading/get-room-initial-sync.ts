import type { JsonObject } from '@starling/protocol'
import { eventMatcher } from '../../filters/event-matcher.ts'
import { endpoint, type Requester } from '../../http/endpoint.ts'
import type { Position } from '../../ports.ts'
import type { AccountDataChange } from '../../sync/ports.ts'
import { roomIdOf } from '../call-params.ts'
import type { ReadDeps, RoomDeps } from '../deps.ts'
import { formFor, serialiseState, serialiseTimeline } from '../event-serialiser.ts'
import { formatPageToken } from '../position-token.ts'
import { openRoom, type RoomView } from '../room-view.ts'
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
      const position = deps.positions.current()
      const changes = await deps.accountData.changes(userId, 0, position)
      return roomSnapshot(deps, view, { requester: call.requester, limit: LIMIT, position, changes })
    },
  })
}

export interface SnapshotOptions {
  readonly requester: Requester
  /** Newest messages given. */
  readonly limit: number
  readonly position: Position
  /** The user's account data, of which the room's is picked. */
  readonly changes: readonly AccountDataChange[]
}

/** A room as it is now, or was when its user left: the `RoomInfo` of both old kinds of initial sync. */
export async function roomSnapshot(
  deps: ReadDeps & Pick<RoomDeps, 'directory'>,
  view: RoomView,
  { requester, limit, position, changes }: SnapshotOptions,
): Promise<JsonObject> {
  const { roomId } = view
  const end = view.newest ?? position
  const page = await readPage(deps.reader, view, eventMatcher(undefined), { direction: 'b', from: end, to: 0, limit })
  const form = formFor(requester, deps.clock)
  const events = page.events.toReversed()
  const row = await deps.reader.membership(roomId, view.userId)
  const state = await stateEvents(deps.reader, roomId, await view.state())
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
    account_data: changes.filter((change) => change.roomId === roomId).map(({ type, content }) => ({ type, content })),
  }
}
