import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalBytes } from '../json/canonical.ts'
import type { JsonObject } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { roomVersionRules } from '../rooms/versions.ts'
import { eventBytes } from './event-bytes.ts'
import { hashedEventBytes, signedEventBytes } from './event-hashes.ts'

const shared: JsonObject = {
  room_id: '!room:a.test',
  sender: '@ü:a.test',
  depth: 7,
  origin_server_ts: 1,
  hashes: { sha256: 'x' },
  signatures: { 'a.test': { 'ed25519:1': 'y' } },
  prev_events: ['$b', '$a'],
  auth_events: [],
  '\u{1f600}': { b: 1, a: '"\\' },
  '\uffee': null,
}

test('written once, the forms of an event are those that are written one by one, in every room version', () => {
  const contents: readonly JsonObject[] = [
    { type: 'm.room.message', content: { body: 'ö', nested: { z: 1, a: [true, { c: '' }] } } },
    {
      type: 'm.room.member',
      state_key: '@x:a',
      content: { displayname: 'X', membership: 'join', third_party_invite: { signed: { a: 1 }, b: 2 } },
    },
    { type: 'm.room.create', state_key: '', content: { creator: '@x:a', extra: 1 } },
    { type: 'm.room.power_levels', state_key: '', content: { users: { b: 1, a: 2 }, invite: 3, notifications: {} } },
    { type: 'm.room.redaction', redacts: '$x', content: { redacts: '$x', reason: 'r' } },
  ]
  for (let version = 1; version <= 12; version++) {
    const rules = roomVersionRules(String(version)) as RoomVersionRules
    for (const one of contents) {
      const event = { ...shared, ...one }
      const bytes = eventBytes(event, rules)
      assert.deepEqual(bytes.hashed, hashedEventBytes(event))
      assert.deepEqual(bytes.signed, signedEventBytes(event, rules))
      assert.equal(bytes.size, canonicalBytes(event).length)
    }
  }
})
