import type { JsonObject } from '@starling/protocol'
import { integerQuery } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import type { Membership, RoomMembership } from '../../ports.ts'
import { roomAccess } from '../../rooms/access.ts'
import { booleanQuery } from '../../rooms/call-params.ts'
import { clientEvent } from '../../rooms/client-event.ts'
import { formFor } from '../../rooms/event-serialiser.ts'
import { mapConcurrent } from '../../rooms/map-concurrent.ts'
import { formatPageToken } from '../../rooms/position-token.ts'
import { roomSnapshot, type SnapshotOptions } from '../../rooms/reading/get-room-initial-sync.ts'
import { type HiddenPeople, hiddenPeople, RoomView } from '../../rooms/room-view.ts'
import { presenceEvents } from '../presence-section.ts'
import type { OldSyncDeps } from './deps.ts'

/** Messages per room: where the client does not say, and at most. */
const LIMIT = { min: 0, max: 100, fallback: 20 } as const
const CONCURRENCY = 8

/** Knocks did not exist yet and have no place in the answer. */
const SHOWN: ReadonlySet<Membership> = new Set(['join', 'invite'])
const ARCHIVED: ReadonlySet<Membership> = new Set(['leave', 'ban'])

/** `GET /initialSync`, deprecated since r0: all rooms with their state and newest messages, and where `GET /events` goes on. */
export function getInitialSync(deps: OldSyncDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/initialSync',
    auth: 'token',
    async handle(call) {
      const { requester, query } = call
      const { userId } = requester
      const limit = integerQuery(query, 'limit', LIMIT)
      const archived = booleanQuery(query, 'archived')
      const position = deps.positions.current()
      const people = await hiddenPeople(deps.accountData, userId)
      const changes = await deps.accountData.changes(userId, 0, position)
      const rows = (await deps.reader.roomsOf(userId)).filter(
        (row) =>
          !row.forgotten &&
          (SHOWN.has(row.membership) || (archived && ARCHIVED.has(row.membership))) &&
          !isIgnored(row),
      )
      const options = { requester, limit, position, changes }
      const rooms = await mapConcurrent(rows, CONCURRENCY, (row) => roomInfo(deps, row, people, options))
      return {
        end: formatPageToken(position),
        rooms: rooms.filter((room) => room !== undefined),
        presence: await presenceEvents(deps, { userId, ignored: people.ignored, since: 0, to: position }),
        account_data: changes
          .filter(({ roomId }) => roomId === undefined)
          .map(({ type, content }) => ({ type, content })),
      }

      function isIgnored(row: RoomMembership): boolean {
        return row.membership === 'invite' && people.ignored.has(row.sender)
      }
    },
  })
}

async function roomInfo(
  deps: OldSyncDeps,
  row: RoomMembership,
  people: HiddenPeople,
  options: SnapshotOptions,
): Promise<JsonObject | undefined> {
  const { roomId, membership } = row
  const { requester } = options
  if (membership === 'invite') {
    const event = await deps.reader.event(roomId, row.eventId)
    return { room_id: roomId, membership, ...(event && { invite: clientEvent(event, formFor(requester, deps.clock)) }) }
  }
  const access = await roomAccess(deps.reader, roomId, requester.userId)
  if (access.kind !== 'joined' && access.kind !== 'departed') return { room_id: roomId, membership }
  return roomSnapshot(deps, new RoomView(deps.reader, roomId, requester.userId, access, people), options)
}
