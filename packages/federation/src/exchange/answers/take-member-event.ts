import type { EventId, JsonObject, RoomId, ServerName } from '@starling/protocol'
import { serverOf } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import type { HandshakeMembership } from '../membership/template.ts'
import type { AnswerParts } from './answer-parts.ts'
import { invalid } from './read-request.ts'

/** What the path and the signed request say of an event in the body of `send_join`, `send_knock`, `send_leave`. */
export interface MemberEventRequest {
  readonly origin: ServerName
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly membership: HandshakeMembership
  readonly roomVersion: string
}

/**
 * Faults that the spec lists for the second half of a handshake, each 400 `M_INVALID_PARAM`. The signatures are looked at
 * by the caller, since a restricted join lacks one that only this server can add.
 */
export function requireMemberEvent(
  event: { readonly type: unknown; readonly sender: unknown; readonly stateKey: unknown; readonly content: JsonObject },
  roomId: unknown,
  request: MemberEventRequest,
): void {
  if (roomId !== request.roomId) invalid('The event is of another room than the path.')
  if (event.type !== 'm.room.member') invalid('The event is no member event.')
  if (event.content.membership !== request.membership) invalid(`The event is no ${request.membership}.`)
  if (event.sender !== event.stateKey) invalid('The state_key is not the sender.')
  if (typeof event.sender !== 'string' || serverOf(event.sender as CheckedPdu['pdu']['sender']) !== request.origin) {
    invalid('The sender is no user of the asking server.')
  }
}

/** Checks the event of `send_knock` or `send_leave`. Its hash has to match: nobody redacts what is being sent. */
export async function takeMemberEvent(
  parts: AnswerParts,
  content: JsonObject,
  request: MemberEventRequest,
): Promise<CheckedPdu> {
  const result = await parts.carrier.unpack(content, request.roomVersion, request.origin, { keep: false })
  if (!result.ok) return invalid(`The event is refused: ${result.reason}.`)
  const { checked } = result
  if (checked.redacted) return invalid('The content hash does not match.')
  if (checked.pdu.eventId !== request.eventId) return invalid('The event id is not that of the path.')
  requireMemberEvent(checked.pdu, checked.pdu.roomId, request)
  return checked
}

/** Lets the event into the room, publishing it to the others; the error says what came of it otherwise. */
export async function letIn(parts: AnswerParts, checked: CheckedPdu, origin: ServerName): Promise<EventId> {
  const verdict = await parts.settle(checked, origin, { publish: true })
  if (verdict.kind === 'accepted') return verdict.eventId
  if (verdict.kind === 'duplicate' && (await isAccepted(parts, verdict.eventId))) return verdict.eventId
  throw refusalOf(verdict)
}

async function isAccepted(parts: AnswerParts, eventId: EventId): Promise<boolean> {
  return (await parts.engine.events([eventId])).get(eventId)?.status === 'accepted'
}

function refusalOf(verdict: Verdict): AnswerError {
  if (verdict.kind === 'waiting') {
    return new AnswerError(400, 'M_INVALID_PARAM', 'The events before it are not known here.')
  }
  return new AnswerError(
    403,
    'M_FORBIDDEN',
    `The event was not let in: ${'reason' in verdict ? verdict.reason : verdict.kind}.`,
  )
}
