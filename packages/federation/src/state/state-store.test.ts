import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, type StateSlot, stateSlot } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import fc from 'fast-check'
import { Database } from '../store/database.ts'
import { type RoomNumber, type StateId, tables } from '../store/tables.ts'
import { PersistentMap } from './persistent-map.ts'
import { EMPTY_STATE, type RoomState, StateStore } from './state-store.ts'

const room = 1 as RoomNumber
const eventId = (n: number) => `$${String(n).padStart(43, 'x')}` as EventId

/** Applies the changes one after the other and stores each outcome, like state events in a row. */
async function chain(
  store: MemoryStore,
  changes: Iterable<readonly [StateSlot, EventId | undefined]>,
  states = new StateStore(new Database(store)),
  start = EMPTY_STATE,
) {
  const made: RoomState[] = []
  let state = start
  let id = start.id + 1
  for (const change of changes) {
    const derived = states.derive(room, id++ as StateId, state, new Map([change]))
    await store.batch([...derived.rows])
    states.remember(room, derived)
    state = derived.state
    made.push(state)
  }
  return made
}

/** A state that is stored whole at once, as by a join, in a store of its own. */
async function largeRoom(members: number) {
  const store = new MemoryStore()
  const states = new StateStore(new Database(store))
  const entries = Array.from({ length: members }, (_, n) => [memberSlot(n), eventId(n)] as const)
  const derived = states.derive(room, 1 as StateId, EMPTY_STATE, new Map(entries))
  await store.batch([...derived.rows])
  states.remember(room, derived)
  return { store, states, state: derived.state }
}

const memberSlot = (n: number) => stateSlot('m.room.member', `@user${n}:a`)

test('every state reads back from the disk as it was, also one in the middle of a chain', async () => {
  const change = fc.tuple(fc.nat(150), fc.option(fc.nat(1_000), { nil: undefined }))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 300, size: 'max' }), async (changes) => {
      const store = new MemoryStore()
      const slots = changes.map(
        ([slot, n]) => [stateSlot('t', String(slot)), n === undefined ? undefined : eventId(n)] as const,
      )
      const states = await chain(store, slots)
      const expected = new Map<StateSlot, EventId>()
      for (const [index, [slot, id]] of slots.entries()) {
        if (id === undefined) expected.delete(slot)
        else expected.set(slot, id)
        if (index % 7 !== 0 && index !== slots.length - 1) continue
        const stateId = states[index]?.id ?? assert.fail()
        const cold = await new StateStore(new Database(store)).get(room, stateId)
        const asked = slots.slice(0, 20).map(([name]) => name)
        const some = await new StateStore(new Database(store)).slots(room, stateId, asked)
        for (const name of asked) assert.equal(some.get(name), expected.get(name))
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

test('a change of a room with 10,000 members writes some chunks at most, no whole map', async () => {
  const { store, states, state } = await largeRoom(10_000)
  const before = store.bytes
  const changes = Array.from({ length: 640 }, (_, n) => [memberSlot((n * 37) % 10_000), eventId(50_000 + n)] as const)
  const made = await chain(store, changes, states, state)
  const perChange = (store.bytes - before) / changes.length
  assert.ok(perChange < 6_000, `${perChange} bytes per change of a room whose state takes ${before}`)
  const last = made.at(-1) ?? assert.fail()
  const cold = await new StateStore(new Database(store)).get(room, last.id)
  assert.deepEqual(cold.map.root, last.map.root)
})

test('no row of a state of 90,000 events is large, and one slot is read without the others', async () => {
  const { store, state } = await largeRoom(90_000)
  let largest = 0
  for await (const [, value] of store.entries({})) largest = Math.max(largest, value.length)
  assert.ok(largest < 20_000, `${largest} bytes`)
  let reads = 0
  const counting = Object.assign(Object.create(store) as MemoryStore, {
    get: (key: Uint8Array) => {
      reads++
      return store.get(key)
    },
  })
  const slots = await new StateStore(new Database(counting)).slots(room, state.id, [memberSlot(77_777)])
  assert.deepEqual([...slots], [[memberSlot(77_777), eventId(77_777)]])
  assert.ok(reads < 8, `${reads} rows read`)
})

test('states read from the disk share what they have in common', async () => {
  const { store, states, state } = await largeRoom(1_000)
  const changes = Array.from({ length: 200 }, (_, n) => [memberSlot(n % 3), eventId(5_000 + n)] as const)
  const made = await chain(store, changes, states, state)
  const cold = new StateStore(new Database(store))
  const [first, last] = [await cold.get(room, state.id), await cold.get(room, made.at(-1)?.id ?? assert.fail())]
  const [a, b] = [first.map.root, last.map.root]
  assert.ok(a.kind === 'branch' && b.kind === 'branch')
  assert.ok(a.children.filter((child, index) => child === b.children[index]).length >= 13)
})

test('a chunk that a discarded transaction would have written is written again by the next snapshot', async () => {
  const { store, states, state } = await largeRoom(200)
  let derived = states.derive(room, 2 as StateId, state, new Map([[memberSlot(1), eventId(9_001)]]))
  await store.batch([...derived.rows])
  states.remember(room, derived)
  const many = new Map(Array.from({ length: 150 }, (_, n) => [memberSlot(n + 20), eventId(7_000 + n)] as const))
  // A snapshot that shares nodes with state 2, and is never submitted.
  states.derive(room, 3 as StateId, derived.state, many)
  derived = states.derive(room, 3 as StateId, derived.state, many)
  await store.batch([...derived.rows])
  const cold = await new StateStore(new Database(store)).get(room, 3 as StateId)
  assert.deepEqual(cold.map.root, derived.state.map.root)
})

test('a state of schema version 1, one row with the whole map, reads as it was and grows into chunks', async () => {
  const store = new MemoryStore()
  const entries = Array.from({ length: 500 }, (_, n) => [memberSlot(n), eventId(n)] as const)
  const changed = [[memberSlot(3), eventId(9_003)] as const, [memberSlot(4), undefined] as const]
  await store.batch([
    tables.state.put([room, 1 as StateId], { chain: 0, weight: 0, entries: entries.flat() }),
    tables.state.put([room, 2 as StateId], {
      base: 1 as StateId,
      chain: 1,
      weight: 2,
      entries: changed.flatMap(([slot, id]) => [slot, id ?? null]),
    }),
  ])
  const states = new StateStore(new Database(store))
  assert.deepEqual((await states.get(room, 2 as StateId)).map.size, 499)
  const asked = [memberSlot(3), memberSlot(4), memberSlot(5)]
  const slots = await new StateStore(new Database(store)).slots(room, 2 as StateId, asked)
  assert.deepEqual([...slots.values()], [eventId(9_003), eventId(5)])
  const more = Array.from({ length: 300 }, (_, n) => [memberSlot(n), eventId(2_000 + n)] as const)
  const made = await chain(store, more, states, await states.get(room, 2 as StateId))
  const cold = await new StateStore(new Database(store)).get(room, made.at(-1)?.id ?? assert.fail())
  assert.deepEqual(cold.map.root, made.at(-1)?.map.root)
})

test('a large first state is made in slices, with the same rows as at once; others have their turn meanwhile', async () => {
  const states = () => new StateStore(new Database(new MemoryStore()))
  for (const [members, turnsAtLeast] of [
    [30, 0],
    [20_000, 5],
  ] as const) {
    const map = PersistentMap.from<StateSlot, EventId>(
      Array.from({ length: members }, (_, n) => [memberSlot(n), eventId(n)] as const),
    )
    let turns = 0
    let made = false
    const count = () => {
      turns++
      if (!made) setImmediate(count)
    }
    setImmediate(count)
    const sliced = await states().deriveWhole(room, 1 as StateId, map)
    made = true
    assert.ok(turns >= turnsAtLeast, `${turns} turns`)
    const atOnce = states().derive(room, 1 as StateId, EMPTY_STATE, map)
    assert.deepEqual(sliced.rows, atOnce.rows)
    assert.equal(sliced.stored.length, atOnce.stored.length)
    assert.deepEqual({ ...sliced.state, map: undefined }, { ...atOnce.state, map: undefined })
  }
})
