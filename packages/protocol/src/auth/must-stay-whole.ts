import type { Pdu } from '../events/pdu.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { KeptContent, RoomVersionRules } from '../rooms/rules.ts'

type Test = (event: Pick<Pdu, 'content'>, rules: RoomVersionRules) => boolean

/**
 * Event types of which redaction can take keys that the authorisation rules read, with when it can. Each test reads nothing but
 * what redaction keeps, so that it says the same of an event and of its redacted form.
 */
const LOSES_AUTH_KEYS: ReadonlyMap<string, Test> = new Map<string, Test>([
  // All content but `creator` up to version 10: `room_version`, `m.federate`.
  ['m.room.create', (_, rules) => kept('m.room.create', rules) !== 'all'],
  // `invite` up to version 10, `notifications` in all.
  ['m.room.power_levels', () => true],
  // `public_key` and `public_keys`.
  ['m.room.third_party_invite', () => true],
  ['m.room.member', memberLosesAuthKeys],
  // What it redacts: authorises it in versions 1 and 2, and is its whole effect everywhere. Kept from version 11 on.
  ['m.room.redaction', (_, rules) => rules.redacts === 'top-level'],
])

/**
 * True for events of which the whole form counts or nothing: no redaction applies to them, and one whose content hash does not
 * match is dropped where others go on in their redacted form. Else two nodes that hold an event in different forms, or came
 * by its redaction at different times, would authorise by it differently and keep different states for good.
 */
export function mustStayWhole(event: Pick<Pdu, 'type' | 'content'>, rules: RoomVersionRules): boolean {
  return LOSES_AUTH_KEYS.get(event.type)?.(event, rules) ?? false
}

function memberLosesAuthKeys({ content }: Pick<Pdu, 'content'>, rules: RoomVersionRules): boolean {
  // Version 8 reads who authorised a join (in any membership event, whose signature is then asked for), but redacts it.
  const isRestrictable = rules.auth.restrictedRules.size > 0
  if (isRestrictable && !keptKeys('m.room.member', rules).includes('join_authorised_via_users_server')) return true
  return ownValue(content, 'membership') === 'invite' && !keepsThirdPartyInvite(content, rules)
}

/** Redacted, an invite with `third_party_invite` is a plain one unless `signed` stays (version 11 and up). */
function keepsThirdPartyInvite(content: Pdu['content'], rules: RoomVersionRules): boolean {
  if (!keptKeys('m.room.member', rules).includes('third_party_invite.signed')) return false
  const invite = ownValue(content, 'third_party_invite')
  return isJsonObject(invite) && ownValue(invite, 'signed') !== undefined
}

function kept(type: string, rules: RoomVersionRules): KeptContent {
  return rules.redaction.content.get(type) ?? []
}

function keptKeys(type: string, rules: RoomVersionRules): readonly string[] {
  const keys = kept(type, rules)
  return keys === 'all' ? [] : keys
}
