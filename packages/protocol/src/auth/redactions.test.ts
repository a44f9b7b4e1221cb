import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId } from '../ids/branded.ts'
import { alice, bob, carol, judge, room, VERSIONS, versions } from '../testing/auth-cases.ts'
import { mayRedact } from './may-redact.ts'

for (const version of versions(1, 2)) {
  test(`room version ${version}, rule 11: redactions are authorised`, () => {
    const made = room(version)
    const redact = (sender: typeof alice, redacts: EventId) =>
      judge(made, { type: 'm.room.redaction', sender, redacts })
    assert.equal(redact(bob, '$x:a.test' as EventId), 'allowed')
    assert.equal(redact(carol, '$x:a.test' as EventId), 'redaction_level')
    assert.equal(redact(carol, '$x:c.test' as EventId), 'allowed')
  })
}

for (const version of VERSIONS) {
  test(`room version ${version}, bad input 49: a redaction without the power is not applied`, () => {
    const made = room(version)
    const message = made.add({ type: 'm.room.message', sender: alice, content: { body: 'x' } })
    const own = made.add({ type: 'm.room.message', sender: carol, content: { body: 'x' } })
    const may = (sender: typeof alice, target = message): boolean =>
      mayRedact(
        made.make({ type: 'm.room.redaction', sender, redacts: target.eventId }),
        target,
        made.authState(),
        made.rules,
      )
    assert.equal(may(carol), false)
    assert.equal(may(bob), true)
    assert.equal(may(alice), true)
    assert.equal(may(carol, own), true)
    // Twin (versions 3 and up): the authorisation rules alone let it through.
    const redaction = { type: 'm.room.redaction', sender: carol, redacts: message.eventId }
    if (Number(version) > 2) assert.equal(judge(made, redaction), 'allowed')
  })
}

test('bad input 59: redactions across rooms, of themselves, mutual, or of something else are ignored', () => {
  const made = room('12')
  const message = made.add({ type: 'm.room.message', sender: alice, content: { body: 'x' } })
  const redaction = made.make({ type: 'm.room.redaction', sender: alice, redacts: message.eventId })
  const apply = (by: typeof redaction, to: typeof message): boolean => mayRedact(by, to, made.authState(), made.rules)
  assert.equal(apply(redaction, message), true)
  assert.equal(apply(redaction, { ...message, roomId: '!other:a.test' as RoomId }), false)
  const ofItself = { ...redaction, redacts: redaction.eventId }
  assert.equal(apply(ofItself, ofItself), false)
  const first = { ...redaction, eventId: '$a' as EventId, redacts: '$b' as EventId }
  const second = { ...redaction, eventId: '$b' as EventId, redacts: '$a' as EventId }
  assert.equal(apply(first, second), false)
  assert.equal(apply(second, first), false)
  assert.equal(apply({ ...redaction, redacts: '$other' as EventId }, message), false)
  assert.equal(apply({ ...redaction, type: 'm.room.message' }, message), false)
  const create = made.authState()('m.room.create', '')
  assert.ok(create)
  assert.equal(apply({ ...redaction, redacts: create.eventId }, create), false)
})
