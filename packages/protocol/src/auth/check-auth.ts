import type { Pdu } from '../events/pdu.ts'
import { serverOf } from '../ids/id-parts.ts'
import { createIdOfRoom } from '../ids/room-id.ts'
import { ownValue } from '../json/own-value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { AuthState } from './auth-state.ts'
import { checkCreate } from './create-rule.ts'
import { checkMembership } from './membership-rules.ts'
import { powerLevelsOf } from './power-levels.ts'
import { checkPowerLevels } from './power-levels-rule.ts'
import { type AuthOptions, membershipOf, type RuleInput } from './rule-input.ts'
import { ALLOWED, type AuthVerdict, denied } from './verdict.ts'

/**
 * The authorisation rules of the room version against one state (room versions, "Authorisation rules"), without the rule about
 * `auth_events`, which is `checkAuthEventsList`. `state` gives the create event in every version, version 12 included.
 * Step numbers in this folder are version 12's. Pure; never throws on foreign data.
 */
export function checkAuth(event: Pdu, state: AuthState, rules: RoomVersionRules, options: AuthOptions): AuthVerdict {
  // 1
  if (event.type === 'm.room.create') return checkCreate(event, state, rules)
  // 2
  const create = state('m.room.create', '')
  if (create === undefined) return denied('no_create', 'no create event in the state')
  if (rules.roomId === 'hash' && create.eventId !== createIdOfRoom(event.roomId)) {
    return denied('room_id_not_create', 'the room id is not that of the create event')
  }
  // 4
  if (ownValue(create.content, 'm.federate') === false && serverOf(event.sender) !== serverOf(create.sender)) {
    return denied('not_federated', 'the room is closed to other servers')
  }
  // 4 of versions 1 to 5
  if (rules.auth.aliases && event.type === 'm.room.aliases') return checkAliases(event)
  const levels = powerLevelsOf(state('m.room.power_levels', ''), create, rules)
  const input: RuleInput = { event, create, state, levels, rules, options }
  // 5
  if (event.type === 'm.room.member') return checkMembership(input)
  return checkOtherEvent(input)
}

/** Rules 6 to 11: everything that is neither create nor membership. */
function checkOtherEvent(input: RuleInput): AuthVerdict {
  const { event, state, levels, rules } = input
  // 6
  if (membershipOf(state, event.sender) !== 'join') return denied('sender_not_joined', 'the sender is not joined')
  const power = levels.user(event.sender)
  // 7
  if (event.type === 'm.room.third_party_invite') {
    return power >= levels.named('invite') ? ALLOWED : denied('invite_level', 'the sender may not invite')
  }
  // 8
  if (levels.event(event.type, event.stateKey !== undefined) > power) {
    return denied('event_level', 'the sender may not send events of this type')
  }
  // 9
  if (event.stateKey?.startsWith('@') && event.stateKey !== event.sender) {
    return denied('state_key_of_other_user', 'the state_key is another user')
  }
  // 10
  if (event.type === 'm.room.power_levels') return checkPowerLevels(input)
  // 11 of versions 1 and 2
  if (rules.auth.redaction && event.type === 'm.room.redaction') return checkRedaction(input)
  // 11
  return ALLOWED
}

/** Rule 4 of versions 1 to 5. */
function checkAliases(event: Pdu): AuthVerdict {
  const isOwn = event.stateKey !== undefined && event.stateKey === serverOf(event.sender)
  return isOwn ? ALLOWED : denied('aliases_state_key', "the state_key is not the sender's server")
}

/** Rule 11 of versions 1 and 2. */
function checkRedaction({ event, levels }: RuleInput): AuthVerdict {
  if (levels.user(event.sender) >= levels.named('redact')) return ALLOWED
  const isOwn = event.redacts !== undefined && serverOf(event.redacts) === serverOf(event.eventId)
  return isOwn ? ALLOWED : denied('redaction_level', 'the sender may not redact events of other servers')
}
