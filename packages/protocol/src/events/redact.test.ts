import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { referenceHash } from '../crypto/event-hashes.ts'
import { canonicalJson } from '../json/canonical.ts'
import type { JsonObject } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { roomVersionRules } from '../rooms/versions.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'
import { redact } from './redact.ts'

const ALL = Array.from({ length: 12 }, (_, i) => roomVersionRules(String(i + 1)) as RoomVersionRules)

/** Everything that some version keeps, and things that none does. */
const FULL_TOP = {
  event_id: '$e:a.test',
  room_id: '!r:a.test',
  sender: '@a:a.test',
  state_key: '',
  hashes: { sha256: 'x' },
  signatures: {},
  depth: 1,
  prev_events: [],
  prev_state: [],
  auth_events: [],
  origin: 'a.test',
  origin_server_ts: 1,
  membership: 'join',
  unsigned: { age: 1 },
  server_keys: {},
  redacts: '$x:a.test',
  extra: 1,
}

const CONTENTS: Readonly<Record<string, JsonObject>> = {
  'm.room.member': {
    membership: 'join',
    displayname: 'A',
    join_authorised_via_users_server: '@b:b.test',
    third_party_invite: { display_name: 'x', signed: { token: 't' } },
  },
  'm.room.create': { creator: '@a:a.test', room_version: '1', 'm.federate': true },
  'm.room.join_rules': { join_rule: 'public', allow: [], x: 1 },
  'm.room.power_levels': {
    ban: 1,
    events: {},
    events_default: 1,
    invite: 1,
    kick: 1,
    redact: 1,
    state_default: 1,
    users: {},
    users_default: 1,
    notifications: { room: 1 },
  },
  'm.room.aliases': { aliases: [], x: 1 },
  'm.room.history_visibility': { history_visibility: 'shared', x: 1 },
  'm.room.redaction': { redacts: '$x', reason: 'r' },
  'm.room.message': { body: 'x' },
}

/** Type → keys of content that stay, by the "Redactions" section of each room version. */
function expectedContent(type: string, version: number): JsonObject {
  const content = CONTENTS[type] ?? {}
  const pick = (...keys: string[]): JsonObject =>
    Object.fromEntries(keys.flatMap((key) => (content[key] === undefined ? [] : [[key, content[key]]])))
  const levels = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']
  switch (type) {
    case 'm.room.member':
      if (version < 9) return pick('membership')
      if (version < 11) return pick('membership', 'join_authorised_via_users_server')
      return {
        ...pick('membership', 'join_authorised_via_users_server'),
        third_party_invite: { signed: { token: 't' } },
      }
    case 'm.room.create':
      return version < 11 ? pick('creator') : content
    case 'm.room.join_rules':
      return version < 8 ? pick('join_rule') : pick('join_rule', 'allow')
    case 'm.room.power_levels':
      return version < 11 ? pick(...levels) : pick(...levels, 'invite')
    case 'm.room.aliases':
      return version < 6 ? pick('aliases') : {}
    case 'm.room.history_visibility':
      return pick('history_visibility')
    case 'm.room.redaction':
      return version < 11 ? {} : pick('redacts')
    default:
      return {}
  }
}

for (const rules of ALL) {
  const version = Number(rules.version)
  test(`room version ${version}: what redaction keeps`, () => {
    for (const type of Object.keys(CONTENTS)) {
      const redacted = redact({ ...FULL_TOP, type, content: CONTENTS[type] ?? {} }, rules)
      assert.deepEqual(redacted.content, expectedContent(type, version), type)
      const gone = [
        'unsigned',
        'server_keys',
        'redacts',
        'extra',
        ...(version < 11 ? [] : ['prev_state', 'origin', 'membership']),
      ]
      const kept = Object.keys({ ...FULL_TOP, type, content: {} }).filter((key) => !gone.includes(key))
      assert.deepEqual(Object.keys(redacted).sort(), kept.sort())
    }
  })
}

const anyEvent = fc.record({
  type: fc.oneof(fc.constantFrom(...Object.keys(CONTENTS)), fc.string()),
  content: fc.oneof(
    fc.constantFrom(...Object.values(CONTENTS)),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('third_party_invite', 'redacts', '__proto__')), fc.integer(), {
      noNullPrototype: true,
    }),
  ),
  room_id: fc.string(),
  extra: fc.integer(),
}) as fc.Arbitrary<JsonObject>

test('redaction is idempotent, keeps the reference hash, and leaves its input alone', () => {
  fc.assert(
    fc.property(anyEvent, fc.constantFrom(...ALL), (event, rules) => {
      const before = canonicalJson(event)
      const once = redact(event, rules)
      assert.deepEqual(redact(once, rules), once)
      assert.deepEqual(
        referenceHash(once, rules, sodiumCrypto.sha256),
        referenceHash(event, rules, sodiumCrypto.sha256),
      )
      assert.equal(canonicalJson(event), before)
    }),
  )
})

test('foreign shapes do not trip it: content that is no object, a signed that is none', () => {
  for (const rules of ALL) {
    assert.deepEqual(redact({ type: 'm.room.member', content: 3 }, rules), { type: 'm.room.member', content: 3 })
    const content = { membership: 'join', third_party_invite: 'x' }
    assert.deepEqual(redact({ type: 'm.room.member', content }, rules).content, { membership: 'join' })
  }
})
