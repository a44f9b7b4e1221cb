import { type EventId, parseEventId } from '@starling/protocol'
import { type Call, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { ClientTransaction, EventDraft, RoomEvent } from '../../ports.ts'
import { requireJoined } from '../access.ts'
import { roomIdOf } from '../call-params.ts'
import { transactionKey } from '../client-event.ts'
import { stringIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'
import { requireRedactable } from './redaction-power.ts'
import { checkRelation } from './relation-rules.ts'

/** `PUT /rooms/{roomId}/send/{eventType}/{txnId}`: the same transaction again answers the first event's id. */
export function sendMessageEvent(deps: Pick<RoomDeps, 'rooms' | 'reader'>) {
  return endpoint<'token'>({
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
    auth: 'token',
    rate: 'write',
    body: 'event',
    async handle(call) {
      const draft = draftOf(call)
      await requireJoined(deps.reader, draft.roomId, draft.sender)
      if (draft.redacts) await requireRedactable(deps.reader, draft.roomId, draft.sender, draft.redacts)
      const transaction = transactionOf(call, draft)
      const repeated = await checkRelation(deps.reader, draft, (earlier) => isSame(earlier, transaction))
      return { event_id: repeated ?? (await deps.rooms.send(draft, { transaction })) }
    },
  })
}

function draftOf(call: Call): EventDraft {
  const type = call.params.eventType ?? ''
  const draft = { roomId: roomIdOf(call), sender: call.requester.userId, type, content: call.body }
  return type === 'm.room.redaction' ? { ...draft, ...redactionOf(call) } : draft
}

/** Clients name the event in `content` for every room version; the engine puts it where the version wants it. */
function redactionOf(call: Call): { readonly redacts: EventId; readonly content: EventDraft['content'] } {
  const redacts = parseEventId(stringIn(call.body, 'redacts'))
  if (!redacts) throw new MatrixError(400, 'M_INVALID_PARAM', 'A redaction names an event: redacts')
  const { redacts: _, ...content } = call.body
  return { redacts, content }
}

function transactionOf(call: Call, draft: EventDraft): ClientTransaction {
  const { userId, deviceId } = call.requester
  return { userId, deviceId, txnId: transactionKey('send', [draft.roomId, draft.type], call.params.txnId ?? '') }
}

function isSame(event: RoomEvent, transaction: ClientTransaction): boolean {
  const made = event.transaction
  return (
    made?.userId === transaction.userId && made.deviceId === transaction.deviceId && made.txnId === transaction.txnId
  )
}
