import type { Answer } from '../../contracts.ts'
import type { AnswerParts } from './answer-parts.ts'
import { residentVersion } from './make-template.ts'
import { bodyOf, eventIdOf, roomIdOf } from './read-request.ts'
import { letIn, takeMemberEvent } from './take-member-event.ts'

/** Server-server API, "Leaving Rooms (Rejecting Invites)". */
export function sendLeave(parts: AnswerParts): Answer {
  return {
    method: 'PUT',
    path: '/_matrix/federation/v2/send_leave/{roomId}/{eventId}',
    async answer({ origin, params, content }) {
      const roomId = roomIdOf(params)
      const eventId = eventIdOf(params)
      const body = bodyOf(content)
      const roomVersion = await residentVersion(parts, roomId)
      await parts.gate.requireAllowed(origin, roomId)
      const checked = await takeMemberEvent(parts, body, { origin, roomId, eventId, membership: 'leave', roomVersion })
      await letIn(parts, checked, origin)
      return {}
    },
  }
}
