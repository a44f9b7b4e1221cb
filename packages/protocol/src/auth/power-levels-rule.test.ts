import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../json/value.ts'
import { alice, bob, carol, dave, judge, room, VERSIONS, versions } from '../testing/auth-cases.ts'
import { TestRoom } from '../testing/room-builder.ts'
import { powerLevelsOf } from './power-levels.ts'

function levels(sender: typeof alice, content: JsonObject) {
  return { type: 'm.room.power_levels', sender, stateKey: '', content }
}

/** Levels as `room` sets them, with Alice's own where she is no privileged creator. */
function base(version: string): { users: JsonObject } {
  return { users: { ...(version === '12' ? {} : { [alice]: 100 }), [bob]: 50 } }
}

for (const version of VERSIONS) {
  const with_ = (more: JsonObject, users: JsonObject = {}): JsonObject => ({
    ...more,
    users: { ...base(version).users, ...users },
  })
  const high = { events: { 'm.room.power_levels': 50 } }

  test(`room version ${version}, rule 8: the level of the event type`, () => {
    const made = room(version, 'invite', { events: { 'm.special': 60, ['__proto__']: 99 } })
    assert.equal(judge(made, { type: 'm.room.message', sender: carol }), 'allowed')
    assert.equal(judge(made, { type: 'm.room.topic', sender: carol, stateKey: '' }), 'event_level')
    assert.equal(judge(made, { type: 'm.room.topic', sender: bob, stateKey: '' }), 'allowed')
    assert.equal(judge(made, { type: 'm.special', sender: bob }), 'event_level')
    assert.equal(judge(made, { type: 'm.special', sender: alice }), 'allowed')
    assert.equal(judge(made, { type: 'constructor', sender: carol }), 'allowed')
    assert.equal(judge(made, { type: 'm.room.message', sender: dave }), 'sender_not_joined')
  })

  test(`room version ${version}, rule 9: a state key that is another user`, () => {
    const made = room(version, 'invite', { state_default: 0 })
    assert.equal(judge(made, { type: 'm.own', sender: carol, stateKey: carol }), 'allowed')
    assert.equal(judge(made, { type: 'm.own', sender: carol, stateKey: bob }), 'state_key_of_other_user')
    assert.equal(judge(made, { type: 'm.own', sender: alice, stateKey: bob }), 'state_key_of_other_user')
    assert.equal(judge(made, { type: 'm.own', sender: carol, stateKey: 'x' }), 'allowed')
  })

  test(`room version ${version}, rule 10.5: the first power levels are free`, () => {
    const made = new TestRoom(version)
    made.create(alice)
    made.member(alice, 'join')
    made.joinRules(alice, 'public')
    made.member(bob, 'join')
    assert.equal(judge(made, levels(alice, base(version))), 'allowed')
    assert.equal(judge(made, levels(alice, { users: { [bob]: 1_000 } })), 'allowed')
    // Bob has 0 of the 50 that state needs.
    assert.equal(judge(made, levels(bob, { users: { [bob]: 100 } })), 'event_level')
  })

  test(`room version ${version}, rules 10.3: users is an object of user ids and levels`, () => {
    const made = room(version)
    for (const users of [3, [], 'x', { bob: 1 }, { [bob]: null }, { [bob]: 'high' }, { [bob]: {} }]) {
      assert.equal(judge(made, levels(alice, { users })), 'power_levels_users', JSON.stringify(users))
    }
    assert.equal(judge(made, levels(alice, with_({}))), 'allowed')
  })

  test(`room version ${version}, rules 10.6: named levels move within the sender's power`, () => {
    for (const name of ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite']) {
      const made = room(version, 'invite', { ...high, [name]: 40 })
      assert.equal(judge(made, levels(bob, with_({ ...high, [name]: 50 }))), 'allowed', name)
      assert.equal(judge(made, levels(bob, with_({ ...high, [name]: 51 }))), 'power_levels_above_sender', name)
      assert.equal(judge(made, levels(bob, with_(high))), 'allowed', name)
      const above = room(version, 'invite', { ...high, [name]: 51 })
      // Neither changed nor removed by somebody below it; unchanged is fine.
      const isOwnDefault = name === 'state_default' || name === 'users_default'
      if (isOwnDefault) continue
      assert.equal(judge(above, levels(bob, with_({ ...high, [name]: 0 }))), 'power_levels_above_sender', name)
      assert.equal(judge(above, levels(bob, with_(high))), 'power_levels_above_sender', name)
      assert.equal(judge(above, levels(bob, with_({ ...high, [name]: 51 }))), 'allowed', name)
      assert.equal(judge(above, levels(alice, with_({ ...high, [name]: 0 }))), 'allowed', name)
    }
  })

  test(`room version ${version}, rules 10.7 and 10.8: entries of events`, () => {
    const made = room(version, 'invite', { events: { ...high.events, 'm.a': 51, 'm.b': 10 } })
    const events = (entries: JsonObject): JsonObject => with_({ events: { ...high.events, ...entries } })
    assert.equal(judge(made, levels(bob, events({ 'm.a': 51, 'm.b': 50 }))), 'allowed')
    assert.equal(judge(made, levels(bob, events({ 'm.a': 51 }))), 'allowed')
    assert.equal(judge(made, levels(bob, events({ 'm.a': 51, 'm.b': 51 }))), 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, events({ 'm.a': 50, 'm.b': 10 }))), 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, events({ 'm.b': 10 }))), 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, events({ 'm.a': 51, 'm.b': 10, 'm.c': 51 }))), 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, events({ 'm.a': 51, 'm.b': 10, constructor: 50 }))), 'allowed')
  })

  test(`room version ${version}, notifications are checked from version 6 on`, () => {
    const made = room(version, 'invite', high)
    const draft = levels(bob, with_({ ...high, notifications: { room: 51 } }))
    assert.equal(judge(made, draft), Number(version) < 6 ? 'allowed' : 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, with_({ ...high, notifications: { room: 50 } }))), 'allowed')
  })

  test(`room version ${version}, bad input 25: nobody rises above themselves or lowers an equal`, () => {
    const made = room(version, 'invite', { ...high, users: { ...base(version).users, [carol]: 50 } })
    const users = (entries: JsonObject): JsonObject => with_(high, { [carol]: 50, ...entries })
    assert.equal(judge(made, levels(bob, users({ [bob]: 51 }))), 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, users({ [dave]: 51 }))), 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, users({ [dave]: 50 }))), 'allowed')
    assert.equal(judge(made, levels(bob, users({ [carol]: 49 }))), 'power_levels_above_sender')
    assert.equal(judge(made, levels(bob, with_(high))), 'power_levels_above_sender')
    // One's own level may go down.
    assert.equal(judge(made, levels(bob, users({ [bob]: 10 }))), 'allowed')
    assert.equal(judge(made, levels(alice, users({ [carol]: 0 }))), 'allowed')
    if (version !== '12') {
      assert.equal(judge(made, levels(bob, users({ [alice]: 0 }))), 'power_levels_above_sender')
    }
  })
}

test('bad input 25: a version 12 creator stands in no users, and so cannot be demoted', () => {
  const made = new TestRoom('12')
  made.create(alice, { additional_creators: [bob] })
  made.member(alice, 'join')
  assert.equal(judge(made, levels(alice, { users: { [alice]: 0 } })), 'power_levels_creator')
  assert.equal(judge(made, levels(alice, { users: { [alice]: 100 } })), 'power_levels_creator')
  assert.equal(judge(made, levels(alice, { users: { [bob]: 1 } })), 'power_levels_creator')
  assert.equal(judge(made, levels(alice, { users: { [carol]: 100 } })), 'allowed')
  made.powerLevels(alice, { users_default: 0, users: { [carol]: Number.MAX_SAFE_INTEGER } })
  const create = made.authState()('m.room.create', '')
  const view = powerLevelsOf(made.authState()('m.room.power_levels', ''), create, made.rules)
  assert.equal(view.user(alice), Number.POSITIVE_INFINITY)
  assert.equal(view.user(bob), Number.POSITIVE_INFINITY)
  assert.equal(view.user(carol), Number.MAX_SAFE_INTEGER)
})

for (const version of versions(10)) {
  test(`room version ${version}, rules 10.1 and 10.2: levels are integers`, () => {
    const made = room(version)
    for (const content of [
      { ban: '50' },
      { kick: null },
      { events: [] },
      { events: { a: '1' } },
      { notifications: 3 },
    ]) {
      assert.equal(
        judge(made, levels(alice, { ...base(version), ...content })),
        'power_levels_malformed',
        JSON.stringify(content),
      )
    }
    assert.equal(judge(made, levels(alice, { users: { [bob]: '50' } })), 'power_levels_users')
  })
}

for (const version of versions(1, 9)) {
  test(`room version ${version}: levels may be strings`, () => {
    const made = room(version, 'invite', { users: { [alice]: ' +0100 ', [bob]: '50' }, ban: '50' })
    assert.equal(judge(made, levels(alice, { users: { [alice]: '100', [bob]: 50 }, ban: 50 })), 'allowed')
    assert.equal(judge(made, { type: 'm.room.topic', sender: bob, stateKey: '' }), 'allowed')
    assert.equal(judge(made, levels(alice, { users: { [alice]: '101' } })), 'power_levels_above_sender')
    assert.equal(judge(made, levels(alice, { users: { [alice]: '0x10' } })), 'power_levels_users')
  })
}

for (const version of versions(1, 5)) {
  test(`room version ${version}, rule 4: aliases are set by the server that the state key names`, () => {
    const made = room(version)
    const draft = { type: 'm.room.aliases', sender: carol, content: { aliases: [] } }
    assert.equal(judge(made, { ...draft, stateKey: 'c.test' }), 'allowed')
    assert.equal(judge(made, { ...draft, stateKey: 'a.test' }), 'aliases_state_key')
    assert.equal(judge(made, draft), 'aliases_state_key')
  })
}

for (const version of versions(6)) {
  test(`room version ${version}: aliases are state like any other`, () => {
    const draft = { type: 'm.room.aliases', sender: carol, stateKey: 'c.test', content: { aliases: [] } }
    assert.equal(judge(room(version), draft), 'event_level')
  })
}
