import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../json/value.ts'
import { TestRoom, userId } from '../testing/room-builder.ts'
import { isEduJson } from './edu.ts'
import { MAX_STRIPPED_STATE, parseStrippedState, strippedState } from './stripped-state.ts'

test('stripped state has four fields', () => {
  const room = new TestRoom('12')
  const create = room.create(userId('alice'))
  assert.deepEqual(strippedState(create), {
    type: 'm.room.create',
    state_key: '',
    sender: '@alice:a.test',
    content: { room_version: '12' },
  })
})

test('bad input 42: giant or malformed invite_room_state is cut to what is well-formed', () => {
  const good = { type: 'm.room.name', state_key: '', sender: '@a:b', content: { name: 'x' } }
  const bad: JsonValue[] = [
    null,
    3,
    'x',
    [],
    {},
    { ...good, type: 3 },
    { ...good, state_key: undefined },
    { ...good, sender: 'a' },
    { ...good, content: 'x' },
    { ...good, type: 'x'.repeat(256) },
  ]
  assert.deepEqual(parseStrippedState([...bad, { ...good, unsigned: {}, event_id: '$x' }]), [good])
  assert.equal(parseStrippedState(Array.from({ length: 10_000 }, () => good)).length, MAX_STRIPPED_STATE)
  for (const value of [undefined, null, {}, 'x', 3]) assert.deepEqual(parseStrippedState(value), [])
})

test('an EDU has a type and a content', () => {
  assert.equal(isEduJson({ edu_type: 'm.typing', content: {} }), true)
  for (const json of [
    {},
    { edu_type: 1, content: {} },
    { edu_type: 'x', content: [] },
    { edu_type: 'x', content: null },
  ]) {
    assert.equal(isEduJson(json), false)
  }
})
