import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { Receipt } from '../ports.ts'
import { requireJoined } from '../rooms/access.ts'
import { eventIdOf, roomIdOf } from '../rooms/call-params.ts'
import type { EphemeralDeps } from './deps.ts'
import { moveMarker } from './move-marker.ts'

const TYPES: readonly Receipt['type'][] = ['m.read', 'm.read.private', 'm.fully_read']

const schema = z.object({ thread_id: z.string().min(1).max(255).optional() })

/** `POST /rooms/{roomId}/receipt/{receiptType}/{eventId}`. */
export function postReceipt(deps: EphemeralDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const eventId = eventIdOf(call)
      const { userId } = call.requester
      const type = TYPES.find((candidate) => candidate === call.params.receiptType)
      if (!type) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a receipt type')
      const { thread_id: threadId } = checkInput(schema, call.body)
      if (type === 'm.fully_read' && threadId !== undefined) {
        throw new MatrixError(400, 'M_INVALID_PARAM', 'The fully-read marker knows no threads')
      }
      await requireJoined(deps.reader, roomId, userId)
      await moveMarker(deps, { roomId, userId, type, eventId, threadId })
      return {}
    },
  })
}
