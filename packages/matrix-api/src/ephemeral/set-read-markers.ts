import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { requireJoined } from '../rooms/access.ts'
import { roomIdOf } from '../rooms/call-params.ts'
import type { EphemeralDeps } from './deps.ts'
import { asMarkedEvent, moveMarker } from './move-marker.ts'

const schema = z.object({
  'm.fully_read': z.string().optional(),
  'm.read': z.string().optional(),
  'm.read.private': z.string().optional(),
})

/** `POST /rooms/{roomId}/read_markers`: the fully-read marker and receipts in one. */
export function setReadMarkers(deps: EphemeralDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/rooms/{roomId}/read_markers',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const { userId } = call.requester
      const body = checkInput(schema, call.body)
      await requireJoined(deps.reader, roomId, userId)
      const moves = (['m.fully_read', 'm.read', 'm.read.private'] as const).flatMap((type) => {
        const text = body[type]
        return text === undefined ? [] : [{ roomId, userId, type, eventId: asMarkedEvent(text, type) }]
      })
      for (const move of moves) await moveMarker(deps, move)
      return {}
    },
  })
}
