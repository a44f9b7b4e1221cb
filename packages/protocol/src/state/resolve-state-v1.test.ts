import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { alice, bob, carol, dave, memberDraft, room } from '../testing/auth-cases.ts'
import { Branch, sourceOf } from '../testing/branch.ts'
import type { TestRoom } from '../testing/room-builder.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'
import { resolveState } from './resolve-state.ts'
import { type StateMap, stateSlot } from './state-map.ts'

function setUp(rule = 'invite'): { made: TestRoom; one: Branch; two: Branch } {
  const made = room('1', rule)
  const tip = [...made.events.values()].at(-1) as Pdu
  return { made, one: new Branch(made, tip), two: new Branch(made, tip) }
}

async function resolve(
  made: TestRoom,
  ...states: readonly StateMap[]
): Promise<(type: string, key?: string) => Pdu | undefined> {
  const state = resolveState(states, sourceOf(made), made.rules, sodiumCrypto)
  assert.deepEqual(resolveState([...states].reverse(), sourceOf(made), made.rules, sodiumCrypto), new Map(state))
  return (type, key = '') => made.events.get(state.get(stateSlot(type, key)) as EventId)
}

function topic(sender: typeof alice, text: string) {
  return { type: 'm.room.topic', sender, stateKey: '', content: { topic: text } }
}

test('room version 1: the deepest event that passes wins, ties by the lowest sha1 of the id', async () => {
  const { made, one, two } = setUp()
  one.add(topic(alice, 'a'))
  two.add(topic(bob, 'b1'))
  const deeper = two.add(topic(bob, 'b2'))
  assert.equal((await resolve(made, one.state, two.state))('m.room.topic'), deeper)

  const tie = setUp()
  const a = tie.one.add(topic(alice, 'a'))
  const b = tie.two.add(topic(bob, 'b'))
  const sha1 = (pdu: Pdu): string => createHash('sha1').update(pdu.eventId).digest('hex')
  assert.equal((await resolve(tie.made, tie.one.state, tie.two.state))('m.room.topic'), sha1(a) < sha1(b) ? a : b)
})

test('room version 1: what one state lacks is no conflict', async () => {
  const { made, one, two } = setUp('public')
  const join = one.add(memberDraft(dave, 'join'))
  assert.equal((await resolve(made, one.state, two.state))('m.room.member', dave), join)
})

test('room version 1: power levels first, and what they forbid is out', async () => {
  const { made, one, two } = setUp()
  made.add(topic(alice, 'before'))
  const levels = { type: 'm.room.power_levels', sender: alice, stateKey: '' }
  one.add({ ...levels, content: { users: { [alice]: 100, [bob]: 0 } } })
  one.add(topic(alice, 'Alice'))
  two.add({ ...levels, content: { users: { [alice]: 100, [bob]: 50, [carol]: 1 } } })
  const demoted = one.fork()
  demoted.add({ ...levels, content: { users: { [alice]: 100 } } })
  two.add(topic(bob, 'Bob'))
  two.add(topic(bob, 'Bob again'))
  const found = await resolve(made, demoted.state, two.state)
  assert.deepEqual(found('m.room.power_levels')?.content, { users: { [alice]: 100 } })
  assert.equal(found('m.room.topic')?.content.topic, 'Alice')
})

test('room version 1: an event that the one before it does not allow ends the chain', async () => {
  const { made, one, two } = setUp('public')
  const ban = one.add(memberDraft(alice, 'ban', bob))
  // Deeper, but a banned user does not rejoin.
  two.add(topic(bob, 'x'))
  two.add(memberDraft(bob, 'join', bob, { displayname: 'still here' }))
  const found = await resolve(made, one.state, two.state)
  assert.equal(found('m.room.member', bob), ban)
})

test('twin of bad input 38: in room version 1 depth does decide', async () => {
  const { made, one, two } = setUp()
  one.add({ ...topic(alice, 'later'), ts: 1_800_000_000_000 })
  const deep = two.add({ ...topic(bob, 'deep'), ts: 1, depth: Number.MAX_SAFE_INTEGER })
  assert.equal((await resolve(made, one.state, two.state))('m.room.topic'), deep)
})
