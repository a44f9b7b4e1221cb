import { parseUserId, serverOf } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { sharesRoom } from '../access/shared-rooms.ts'
import type { AnswerParts } from './answer-parts.ts'
import { invalid, notFound } from './read-request.ts'

/** Server-server API, "Device Management": a local user's devices, for servers that have to do with the user. */
export function userDevices(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/user/devices/{userId}',
    async answer({ origin, params }) {
      const userId = parseUserId(params.userId) ?? invalid('The user id is malformed.')
      if (serverOf(userId) !== parts.keys.serverName) invalid('The user is not of this server.')
      if (!(await sharesRoom(parts, origin, userId))) {
        throw new AnswerError(403, 'M_FORBIDDEN', 'This server shares no room with the user.')
      }
      return (await parts.users.devices(userId)) ?? notFound('There is no such user.')
    },
  }
}
