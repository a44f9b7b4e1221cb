import { parseUserId } from '@starling/protocol'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { RoomReader } from '../ports.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'

const CONCURRENCY = 8

/** Rooms per answer. */
const PAGE = 500

/** `GET /mutual_rooms` (Client-Server API 1.19): rooms in which both are joined, by id. The token is the last room id. */
export function mutualRoomsEndpoints({ reader }: { readonly reader: RoomReader }): readonly Endpoint[] {
  return [
    endpoint<'token'>({
      method: 'GET',
      path: '/_matrix/client/v1/mutual_rooms',
      aliases: ['/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms'],
      auth: 'token',
      rate: 'search',
      async handle({ requester, query }) {
        const other = parseUserId(query.user_id)
        if (!other || other === requester.userId)
          throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a user id of another')
        const own = (await reader.roomsOf(requester.userId)).filter((room) => room.membership === 'join')
        const shared = await mapConcurrent(own, CONCURRENCY, async ({ roomId }) => {
          const member = await reader.stateEvent(roomId, 'm.room.member', other)
          return member?.pdu.content.membership === 'join' ? [roomId] : []
        })
        const rooms = shared.flat().sort()
        const rest = rooms.filter((roomId) => query.from === undefined || roomId > query.from)
        const joined = rest.slice(0, PAGE)
        return { joined, count: rooms.length, ...(rest.length > PAGE && { next_batch: joined.at(-1) }) }
      },
    }),
  ]
}
