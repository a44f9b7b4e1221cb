import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { type StateKey, type StateMap, stateSlot } from '../state/state-map.ts'

/** What auth events selection looks at; a `Pdu` is one. */
export type AuthSubject = Pick<Pdu, 'type' | 'sender' | 'stateKey'> & { readonly content: JsonObject }

/**
 * The slots of state that authorise such an event (server-server API, "Auth events selection"), each once. Empty for the
 * create event.
 */
export function authTypesFor(event: AuthSubject, rules: RoomVersionRules): StateKey[] {
  if (event.type === 'm.room.create') return []
  const slots: StateKey[] = []
  if (rules.auth.createInAuthEvents) slots.push({ type: 'm.room.create', stateKey: '' })
  slots.push({ type: 'm.room.power_levels', stateKey: '' }, { type: 'm.room.member', stateKey: event.sender })
  if (event.type === 'm.room.member') addMembershipSlots(event, rules, slots)
  return slots
}

/** Ids of the auth events for a new event on top of this state. */
export function selectAuthEvents(event: AuthSubject, state: StateMap, rules: RoomVersionRules): EventId[] {
  return authTypesFor(event, rules).flatMap(({ type, stateKey }) => state.get(stateSlot(type, stateKey)) ?? [])
}

function addMembershipSlots(event: AuthSubject, rules: RoomVersionRules, slots: StateKey[]): void {
  const target = event.stateKey
  if (target !== undefined && target !== event.sender) slots.push({ type: 'm.room.member', stateKey: target })
  const membership = ownValue(event.content, 'membership')
  if (membership === 'join' || membership === 'invite' || membership === 'knock') {
    slots.push({ type: 'm.room.join_rules', stateKey: '' })
  }
  if (membership === 'invite') {
    const token = thirdPartyInviteToken(event.content)
    if (token !== undefined) slots.push({ type: 'm.room.third_party_invite', stateKey: token })
  }
  if (membership === 'join' && rules.auth.restrictedRules.size > 0) {
    const authoriser = ownValue(event.content, 'join_authorised_via_users_server')
    if (typeof authoriser === 'string' && authoriser !== event.sender && authoriser !== target) {
      slots.push({ type: 'm.room.member', stateKey: authoriser })
    }
  }
}

function thirdPartyInviteToken(content: JsonObject): string | undefined {
  const invite = ownValue(content, 'third_party_invite')
  const signed = isJsonObject(invite) ? ownValue(invite, 'signed') : undefined
  const token = isJsonObject(signed) ? ownValue(signed, 'token') : undefined
  return typeof token === 'string' ? token : undefined
}
