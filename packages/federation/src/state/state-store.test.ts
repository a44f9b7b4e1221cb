import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, type StateSlot, stateSlot } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import fc from 'fast-check'
import { Database } from '../store/database.ts'
import type { RoomNumber, StateId } from '../store/tables.ts'
import { deriveState, EMPTY_STATE, type RoomState, StateStore, stateDelta } from './state-store.ts'

const room = 1 as RoomNumber
const eventId = (n: number) => `$${String(n).padStart(43, 'x')}` as EventId

/** Applies the changes one after the other and stores each outcome, like state events in a row. */
async function chain(store: MemoryStore, changes: Iterable<readonly [StateSlot, EventId | undefined]>) {
  const states: RoomState[] = []
  let state = EMPTY_STATE
  let id = 1
  for (const change of changes) {
    const derived = deriveState(room, id++ as StateId, state, new Map([change]))
    await store.batch([derived.row])
    state = derived.state
    states.push(state)
  }
  return states
}

test('every state reads back from the disk as it was, also one in the middle of a chain', async () => {
  const change = fc.tuple(fc.nat(12), fc.option(fc.nat(1_000), { nil: undefined }))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 120 }), async (changes) => {
      const store = new MemoryStore()
      const slots = changes.map(
        ([slot, n]) => [stateSlot('t', String(slot)), n === undefined ? undefined : eventId(n)] as const,
      )
      const states = await chain(store, slots)
      const expected = new Map<StateSlot, EventId>()
      for (const [index, [slot, id]] of slots.entries()) {
        if (id === undefined) expected.delete(slot)
        else expected.set(slot, id)
        const cold = await new StateStore(new Database(store)).get(room, states[index]?.id ?? assert.fail())
        assert.deepEqual(new Map([...cold.map].sort()), new Map([...expected].sort()))
      }
    }),
    { numRuns: 20 },
  )
})

test('storage grows with the changes, not with changes times size: 1,000 members and 1,000 topics', async () => {
  const members = Array.from(
    { length: 1_000 },
    (_, n) => [stateSlot('m.room.member', `@user${n}:a`), eventId(n)] as const,
  )
  const topics = Array.from({ length: 1_000 }, (_, n) => [stateSlot('m.room.topic', ''), eventId(n + 5_000)] as const)
  const store = new MemoryStore()
  const states = await chain(store, [...members, ...topics])
  const wholeMap = JSON.stringify([...(states.at(-1)?.map ?? [])].flat()).length
  assert.ok(store.bytes < 30 * wholeMap, `${store.bytes} bytes for 2,000 states of ${wholeMap}`)
  assert.ok(states.every((state) => state.chain <= 64))
})

test('a delta says what turns one state into another', () => {
  const entries = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('$1', '$2', '$3'))
  fc.assert(
    fc.property(entries, entries, (from, to) => {
      const [a, b] = [from, to].map((object) => new Map(Object.entries(object)) as Map<StateSlot, EventId>)
      const result = new Map(a)
      for (const [slot, id] of stateDelta(a ?? new Map(), b ?? new Map())) {
        if (id === undefined) result.delete(slot)
        else result.set(slot, id)
      }
      assert.deepEqual(new Map([...result].sort()), new Map([...(b ?? [])].sort()))
    }),
  )
})
