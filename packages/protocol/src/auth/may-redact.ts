import type { Pdu } from '../events/pdu.ts'
import { serverOf } from '../ids/id-parts.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { AuthState } from './auth-state.ts'
import { mustStayWhole } from './must-stay-whole.ts'
import { powerLevelsOf } from './power-levels.ts'

/**
 * May this `m.room.redaction` be applied to that event ("Handling redactions", room version 3 and up)? `state` is the room's
 * state at the redaction. Both have to be of one room and the redaction has to name the event. Not applied: a redaction of
 * itself, two that name each other, one of the create event, and of events that authorise others by what redaction would take (`mustStayWhole`).
 */
export function mayRedact(redaction: Pdu, target: Pdu, state: AuthState, rules: RoomVersionRules): boolean {
  if (redaction.type !== 'm.room.redaction' || redaction.redacts !== target.eventId) return false
  if (redaction.roomId !== target.roomId || redaction.eventId === target.eventId) return false
  if (target.type === 'm.room.create' || target.redacts === redaction.eventId) return false
  if (mustStayWhole(target, rules)) return false
  if (serverOf(redaction.sender) === serverOf(target.sender)) return true
  const levels = powerLevelsOf(state('m.room.power_levels', ''), state('m.room.create', ''), rules)
  return levels.user(redaction.sender) >= levels.named('redact')
}
