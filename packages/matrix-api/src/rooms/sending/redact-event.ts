import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { requireJoined } from '../access.ts'
import { eventIdOf, roomIdOf } from '../call-params.ts'
import { transactionKey } from '../client-event.ts'
import type { RoomDeps } from '../deps.ts'
import { reasonSchema } from '../membership/change-member.ts'
import { requireRedactable } from './redaction-power.ts'

/** `PUT /rooms/{roomId}/redact/{eventId}/{txnId}`: 403 where the rules would not let the redaction count. */
export function redactEvent(deps: Pick<RoomDeps, 'rooms' | 'reader'>) {
  return endpoint<'token'>({
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}',
    auth: 'token',
    rate: 'write',
    body: 'event',
    async handle(call) {
      const roomId = roomIdOf(call)
      const redacts = eventIdOf(call)
      const { userId, deviceId } = call.requester
      const { reason } = checkInput(reasonSchema, call.body)
      await requireJoined(deps.reader, roomId, userId)
      await requireRedactable(deps.reader, roomId, userId, redacts)
      const content = reason === undefined ? {} : { reason }
      const transaction = {
        userId,
        deviceId,
        txnId: transactionKey('redact', [roomId, redacts], call.params.txnId ?? ''),
      }
      const draft = { roomId, sender: userId, type: 'm.room.redaction', content, redacts }
      return { event_id: await deps.rooms.send(draft, { transaction }) }
    },
  })
}
