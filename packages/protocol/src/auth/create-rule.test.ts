import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '../ids/branded.ts'
import type { JsonObject } from '../json/value.ts'
import { alice, bob, judge, room, VERSIONS, versions } from '../testing/auth-cases.ts'
import { type TestDraft, TestRoom } from '../testing/room-builder.ts'

function createDraft(version: string, content: JsonObject = {}): TestDraft {
  const creator = Number(version) < 11 ? { creator: alice } : {}
  return {
    type: 'm.room.create',
    sender: alice,
    stateKey: '',
    content: { room_version: version, ...creator, ...content },
  }
}

for (const version of VERSIONS) {
  test(`room version ${version}, rule 1: the create event`, () => {
    const fresh = new TestRoom(version)
    assert.equal(judge(fresh, createDraft(version)), 'allowed')
    assert.equal(judge(fresh, createDraft(version, { room_version: 'unheard-of' })), 'create_room_version')
    assert.equal(judge(fresh, createDraft(version, { room_version: 12 })), 'create_room_version')
    const absent = { ...createDraft(version).content }
    delete (absent as { room_version?: string }).room_version
    const withoutVersion = { ...createDraft(version), content: absent }
    assert.equal(judge(fresh, withoutVersion), version === '1' ? 'allowed' : 'create_room_version')
    // Version 12 drops it as malformed: a create event without the empty state_key needs a room_id.
    const misplaced = { ...createDraft(version), stateKey: 'x' }
    if (version === '12') assert.throws(() => fresh.make(misplaced), /bad_room_id/)
    else assert.equal(judge(fresh, misplaced), 'create_state_key')

    const made = room(version)
    assert.equal(judge(made, createDraft(version)), 'create_has_prev_events')
    assert.equal(judge(made, { ...createDraft(version, { again: true }), prev: [] }), 'create_second')
  })
}

for (const version of versions(1, 11)) {
  test(`room version ${version}, rule 1.2: the room id is of the sender's server`, () => {
    const fresh = new TestRoom(version)
    assert.equal(judge(fresh, { ...createDraft(version), roomId: '!x:b.test' as RoomId }), 'create_room_domain')
  })
}

for (const version of versions(1, 10)) {
  test(`room version ${version}, rule 1.4: a create event names its creator`, () => {
    const draft = { ...createDraft(version), content: { room_version: version } }
    assert.equal(judge(new TestRoom(version), draft), 'create_no_creator')
  })
}

test('bad input 40: a version 12 create event with a room_id is rejected', () => {
  const fresh = new TestRoom('12')
  const create = fresh.make(createDraft('12'))
  assert.equal(judge(fresh, create), 'allowed')
  assert.equal(judge(fresh, { ...create, json: { ...create.json, room_id: create.roomId } }), 'create_has_room_id')
})

test('bad input 40: a version 12 create event with bad additional_creators is rejected', () => {
  const fresh = new TestRoom('12')
  for (const additional of [[], [bob], [bob, bob]]) {
    assert.equal(judge(fresh, createDraft('12', { additional_creators: additional })), 'allowed')
  }
  for (const additional of [null, {}, 'x', bob, [3], ['bob'], [bob, '@x'], [[bob]]]) {
    const draft = createDraft('12', { additional_creators: additional })
    assert.equal(judge(fresh, draft), 'create_additional_creators', JSON.stringify(additional))
  }
  // Twin: before version 12 the field means nothing.
  assert.equal(judge(new TestRoom('11'), createDraft('11', { additional_creators: 'x' })), 'allowed')
})

test('bad input 40: a second create event cannot speak for a version 12 room', () => {
  const made = room('12')
  const other = new TestRoom('12')
  const impostor = other.create(bob)
  made.events.set(impostor.eventId, impostor)
  const state = made.stateWith(impostor)
  made.state = state
  assert.equal(judge(made, { type: 'm.room.message', sender: alice }), 'room_id_not_create')
})

for (const version of VERSIONS) {
  test(`room version ${version}: nothing is allowed without a create event`, () => {
    const made = room(version)
    const message = made.make({ type: 'm.room.message', sender: alice })
    assert.equal(judge(made, message), 'allowed')
    made.state.clear()
    assert.equal(judge(made, message), 'no_create')
  })

  test(`room version ${version}, m.federate: a closed room is for the creator's server`, () => {
    const closed = new TestRoom(version)
    closed.create(alice, { 'm.federate': false })
    closed.member(alice, 'join')
    closed.joinRules(alice, 'public')
    const join: TestDraft = { type: 'm.room.member', sender: bob, stateKey: bob, content: { membership: 'join' } }
    assert.equal(judge(closed, join), 'not_federated')
    const neighbour = alice.replace('alice', 'anna') as typeof alice
    assert.equal(judge(closed, { ...join, sender: neighbour, stateKey: neighbour }), 'allowed')
    const open = room(version, 'public')
    assert.equal(judge(open, join), 'allowed')
  })
}
