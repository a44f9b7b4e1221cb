import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pdu } from '../events/pdu.ts'
import type { EventId, RoomId } from '../ids/branded.ts'
import { alice, bob, carol, dave, memberDraft, room, VERSIONS, versions } from '../testing/auth-cases.ts'
import type { TestDraft, TestRoom } from '../testing/room-builder.ts'
import { checkAuthEventsList } from './check-auth-events.ts'
import { authTypesFor } from './select-auth-events.ts'

function types(version: string, draft: TestDraft): string[] {
  const subject = { type: draft.type, sender: draft.sender, stateKey: draft.stateKey, content: draft.content ?? {} }
  return authTypesFor(subject, room(version).rules).map(
    ({ type, stateKey }) => `${type.replace('m.room.', '')}|${stateKey}`,
  )
}

for (const version of VERSIONS) {
  test(`room version ${version}: auth events selection`, () => {
    const create = version === '12' ? [] : ['create|']
    const base = [...create, 'power_levels|', `member|${alice}`]
    assert.deepEqual(types(version, { type: 'm.room.create', sender: alice, stateKey: '' }), [])
    assert.deepEqual(types(version, { type: 'm.room.message', sender: alice }), base)
    assert.deepEqual(types(version, memberDraft(alice, 'join')), [...base, 'join_rules|'])
    assert.deepEqual(types(version, memberDraft(alice, 'invite', bob)), [...base, `member|${bob}`, 'join_rules|'])
    assert.deepEqual(types(version, memberDraft(alice, 'knock')), [...base, 'join_rules|'])
    assert.deepEqual(types(version, memberDraft(alice, 'leave', bob)), [...base, `member|${bob}`])
    assert.deepEqual(types(version, memberDraft(alice, 'ban', bob)), [...base, `member|${bob}`])
    const third = memberDraft(alice, 'invite', bob, { third_party_invite: { signed: { token: 't' } } })
    assert.deepEqual(types(version, third), [...base, `member|${bob}`, 'join_rules|', 'third_party_invite|t'])
    const restricted = memberDraft(alice, 'join', alice, { join_authorised_via_users_server: carol })
    assert.deepEqual(types(version, restricted), [
      ...base,
      'join_rules|',
      ...(Number(version) < 8 ? [] : [`member|${carol}`]),
    ])
  })
}

function list(made: TestRoom, event: Pdu, rejected?: EventId): string {
  const verdict = checkAuthEventsList(event, [...made.events.values()], made.rules, (id) => id === rejected)
  return verdict.allowed ? 'allowed' : verdict.code
}

for (const version of VERSIONS) {
  test(`room version ${version}, bad input 39: duplicate, wrong, rejected, missing or foreign auth events are rejected`, () => {
    const made = room(version)
    const event = made.make({ type: 'm.room.message', sender: alice })
    const auth = event.authEvents.map((id) => made.events.get(id) as Pdu)
    const withAuth = (...authEvents: readonly Pdu[]): Pdu =>
      made.make({ type: 'm.room.message', sender: alice, auth: authEvents })
    assert.equal(list(made, event), 'allowed')
    assert.equal(list(made, withAuth(...auth, auth[0] as Pdu)), 'auth_event_duplicate')

    const older = made.events.get(event.authEvents.at(-1) as EventId) as Pdu
    const newer = made.member(alice, 'join')
    assert.equal(list(made, withAuth(...auth, newer)), 'auth_event_duplicate')
    assert.equal(older.stateKey, newer.stateKey)

    const others = [...made.events.values()].find((pdu) => pdu.stateKey === bob) as Pdu
    assert.equal(list(made, withAuth(...auth, others)), 'auth_event_unexpected')
    const message = made.add({ type: 'm.room.message', sender: alice })
    assert.equal(list(made, withAuth(...auth, message)), 'auth_event_unexpected')

    assert.equal(list(made, event, auth[1]?.eventId), 'auth_event_rejected')
    const foreign = { ...(auth.at(-1) as Pdu), roomId: '!elsewhere:a.test' as RoomId }
    made.events.set(foreign.eventId, foreign)
    assert.equal(list(made, event), 'auth_event_other_room')
    made.events.delete(foreign.eventId)
    assert.equal(list(made, event), 'auth_event_missing')
  })
}

for (const version of versions(1, 11)) {
  test(`room version ${version}, rule 2.4: the create event is among the auth events`, () => {
    const made = room(version)
    const event = made.make({ type: 'm.room.message', sender: alice })
    const auth = event.authEvents.map((id) => made.events.get(id) as Pdu).filter((pdu) => pdu.type !== 'm.room.create')
    assert.equal(list(made, made.make({ type: 'm.room.message', sender: alice, auth })), 'auth_event_no_create')
  })
}

test('room version 12, rule 3.2: the create event is not among the auth events', () => {
  const made = room('12')
  const create = [...made.events.values()][0] as Pdu
  assert.equal(
    list(made, made.make({ type: 'm.room.message', sender: alice, auth: [create] })),
    'auth_event_unexpected',
  )
})

test('a create event with auth events is rejected, without waiting for them', () => {
  for (const version of VERSIONS) {
    const made = room(version)
    const [create, second] = [...made.events.values()] as [Pdu, Pdu]
    assert.equal(list(made, create), 'allowed')
    assert.equal(list(made, { ...create, authEvents: [second.eventId] }), 'auth_event_unexpected')
    assert.equal(list(made, { ...create, authEvents: ['$nowhere' as EventId] }), 'auth_event_unexpected')
  }
})

test('selection takes each slot once, also where one user plays two parts', () => {
  const draft = memberDraft(dave, 'join', dave, { join_authorised_via_users_server: dave })
  const slots = types('12', draft)
  assert.equal(new Set(slots).size, slots.length)
})
