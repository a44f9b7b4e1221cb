import type { Pdu } from '../events/pdu.ts'
import { serverOf } from '../ids/id-parts.ts'
import { parseUserId } from '../ids/user-id.ts'
import { ownValue } from '../json/own-value.ts'
import type { JsonValue } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { AuthState } from './auth-state.ts'
import { ALLOWED, type AuthVerdict, denied } from './verdict.ts'

/** Rule 1: `m.room.create`. Numbers are version 12's. */
export function checkCreate(event: Pdu, state: AuthState, rules: RoomVersionRules): AuthVerdict {
  // 1.1
  if (event.prevEvents.length > 0) return denied('create_has_prev_events', 'a create event has no parents')
  // 1.2
  if (rules.roomId === 'hash' && event.json.room_id !== undefined) {
    return denied('create_has_room_id', 'a create event has no room_id in this room version')
  }
  if (rules.roomId === 'domain' && serverOf(event.roomId) !== serverOf(event.sender)) {
    return denied('create_room_domain', 'the room id is of another server than the sender')
  }
  // 1.3. The rules in use were chosen by this very field, so a version that is known but another is no better.
  if ((ownValue(event.content, 'room_version') ?? '1') !== rules.version) {
    return denied('create_room_version', 'room_version is not a version known here')
  }
  // 1.4 of versions 1 to 10
  if (rules.auth.creator === 'content' && ownValue(event.content, 'creator') === undefined) {
    return denied('create_no_creator', 'no creator')
  }
  // 1.4
  if (rules.auth.privilegedCreators && !areCreators(ownValue(event.content, 'additional_creators'), rules)) {
    return denied('create_additional_creators', 'additional_creators is no list of user ids')
  }
  // Not of the spec's list, but implied by it: a room has one create event, in the slot where everything looks for it.
  if (event.stateKey !== '') return denied('create_state_key', 'a create event has an empty state_key')
  const known = state('m.room.create', '')
  if (known !== undefined && known.eventId !== event.eventId)
    return denied('create_second', 'the room has a create event')
  // 1.5
  return ALLOWED
}

function areCreators(value: JsonValue | undefined, rules: RoomVersionRules): boolean {
  if (value === undefined) return true
  return Array.isArray(value) && value.every((user) => parseUserId(user, rules.userIds) !== undefined)
}
