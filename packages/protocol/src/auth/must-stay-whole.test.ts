import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pdu } from '../events/pdu.ts'
import { redact } from '../events/redact.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { roomVersionRules } from '../rooms/versions.ts'
import { VERSIONS } from '../testing/auth-cases.ts'
import { mustStayWhole } from './must-stay-whole.ts'

/** What the authorisation rules read of an event's content, by type: taken from the rules, not from the code under test. */
const READ: Readonly<Record<string, (content: JsonObject, rules: RoomVersionRules) => readonly JsonValue[]>> = {
  'm.room.create': (content, rules) => [
    pick(content, 'room_version', 'm.federate'),
    pick(content, ...(rules.auth.creator === 'content' ? ['creator'] : [])),
    pick(content, ...(rules.auth.privilegedCreators ? ['additional_creators'] : [])),
  ],
  'm.room.member': (content, rules) => [
    pick(content, 'membership', ...(rules.auth.restrictedRules.size > 0 ? ['join_authorised_via_users_server'] : [])),
    ...(content.membership === 'invite' ? thirdParty(content) : []),
  ],
  'm.room.join_rules': (content) => [pick(content, 'join_rule')],
  'm.room.power_levels': (content, rules) => [
    pick(content, 'ban', 'kick', 'invite', 'redact', 'users', 'users_default', 'events', 'events_default'),
    pick(content, 'state_default', ...(rules.auth.notificationLevels ? ['notifications'] : [])),
  ],
  'm.room.third_party_invite': (content) => [pick(content, 'public_key', 'public_keys')],
}

const SAMPLES: readonly Pick<Pdu, 'type' | 'content'>[] = [
  { type: 'm.room.create', content: { creator: '@a:a', room_version: 'x', 'm.federate': false } },
  { type: 'm.room.create', content: { additional_creators: ['@b:b'], predecessor: { room_id: '!x' } } },
  ...['join', 'leave', 'ban', 'knock', 'invite'].flatMap((membership) => [
    { type: 'm.room.member', content: { membership, reason: 'x', displayname: 'y' } },
    { type: 'm.room.member', content: { membership, join_authorised_via_users_server: '@a:a' } },
  ]),
  { type: 'm.room.member', content: { membership: 'invite', third_party_invite: { signed: { token: 't' } } } },
  { type: 'm.room.member', content: { membership: 'invite', third_party_invite: { display_name: 'x' } } },
  { type: 'm.room.member', content: { membership: 'invite', third_party_invite: 'x' } },
  { type: 'm.room.join_rules', content: { join_rule: 'restricted', allow: [] } },
  { type: 'm.room.power_levels', content: { invite: 50, users: { '@a:a': 100 } } },
  { type: 'm.room.power_levels', content: { notifications: { room: 50 } } },
  { type: 'm.room.third_party_invite', content: { public_key: 'k', display_name: 'x' } },
  { type: 'm.room.topic', content: { topic: 'x' } },
  { type: 'm.room.message', content: { body: 'x' } },
]

function pick(content: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(content, key) ? [[key, content[key]]] : [])))
}

/** Whether there is one, and what is signed. */
function thirdParty(content: JsonObject): readonly JsonValue[] {
  const invite = ownValue(content, 'third_party_invite')
  return [invite !== undefined, isJsonObject(invite) ? (ownValue(invite, 'signed') ?? null) : null]
}

for (const version of VERSIONS) {
  const rules = roomVersionRules(version) as RoomVersionRules

  test(`room version ${version}: what authorises keeps its whole content, or all of it that the rules read`, () => {
    for (const event of SAMPLES) {
      const redacted = redact(event as unknown as JsonObject, rules) as unknown as Pick<Pdu, 'type' | 'content'>
      const whole = mustStayWhole(event, rules)
      assert.equal(mustStayWhole(redacted, rules), whole, `asked of either form: ${JSON.stringify(event)}`)
      const read = READ[event.type] ?? (() => [])
      if (!whole) assert.deepEqual(read(redacted.content, rules), read(event.content, rules), JSON.stringify(event))
    }
  })

  test(`room version ${version}: what redaction leaves enough of can be redacted`, () => {
    const spared = { type: 'm.room.member', content: { membership: 'leave', reason: 'x' } }
    assert.equal(mustStayWhole(spared, rules), version === '8')
    assert.equal(mustStayWhole({ type: 'm.room.message', content: {} }, rules), false)
    assert.equal(mustStayWhole({ type: 'm.room.join_rules', content: { join_rule: 'public' } }, rules), false)
    const join = { type: 'm.room.member', content: { membership: 'join', displayname: 'x' } }
    assert.equal(mustStayWhole(join, rules), version === '8')
    assert.equal(mustStayWhole({ type: 'm.room.redaction', content: {} }, rules), Number(version) < 11)
  })
}
