import type { RoomId, UserId } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { judgeRestrictedJoin } from '../membership/restricted-join.ts'
import type { AnswerParts } from './answer-parts.ts'
import { makeTemplate, requireSupported, residentVersion } from './make-template.ts'
import { ownUserOf, roomIdOf } from './read-request.ts'

/** Server-server API, "Joining Rooms" and "Restricted rooms". */
export function makeJoin(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/make_join/{roomId}/{userId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      const userId = ownUserOf(params, origin)
      const version = await residentVersion(parts, roomId)
      await parts.gate.requireAllowed(origin, roomId)
      requireSupported(version, query)
      const authoriser = await requireCondition(parts, roomId, userId)
      const extra = authoriser ? { join_authorised_via_users_server: authoriser } : {}
      return makeTemplate(parts, roomId, userId, 'join', version, extra)
    },
  }
}

/** The user of this server who answers for a restricted join; undefined where none is needed. */
export async function requireCondition(
  parts: AnswerParts,
  roomId: RoomId,
  userId: UserId,
): Promise<UserId | undefined> {
  const verdict = await judgeRestrictedJoin(parts.engine, parts.keys.serverName, roomId, userId)
  switch (verdict.kind) {
    case 'not-needed':
      return undefined
    case 'authorised':
      return verdict.by
    case 'cannot-tell':
      throw new AnswerError(
        400,
        'M_UNABLE_TO_AUTHORISE_JOIN',
        'This server does not know the rooms that the join rules name.',
      )
    case 'cannot-grant':
      throw new AnswerError(400, 'M_UNABLE_TO_GRANT_JOIN', 'No user of this server may invite to the room.')
    case 'fails':
      throw new AnswerError(403, 'M_FORBIDDEN', 'The user is not in any room whose members may join.')
  }
}
