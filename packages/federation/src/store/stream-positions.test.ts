import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore, QuietLogger } from '@starling/testkit'
import fc from 'fast-check'
import type { Affected } from '../ports.ts'
import { type PendingPosition, StreamPositionCounter } from './stream-positions.ts'

const open = (store = new MemoryStore()) => StreamPositionCounter.open(store, new QuietLogger())
const room = (name: string): Affected => ({ rooms: [name as never] })
const inRoom = (name: string) => (affected: Affected) => affected.rooms?.includes(name as never) ?? false

test('a position is shown only when all before it are settled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1, maxLength: 40 }), async (settling) => {
      const counter = await open()
      const begin = counter.current()
      const open_ = new Map<number, PendingPosition>()
      for (let n = 0; n < settling.length; n++) {
        const pending = counter.allocate()
        open_.set(pending.position, pending)
      }
      for (const [pick, isDone] of settling) {
        const positions = [...open_.keys()]
        const position = positions[pick % positions.length] ?? assert.fail()
        if (isDone) open_.get(position)?.done(room('a'))
        else open_.get(position)?.abandon()
        open_.delete(position)
        const lowestOpen = Math.min(...open_.keys(), begin + settling.length + 1)
        assert.equal(counter.current(), lowestOpen - 1)
      }
    }),
    { numRuns: 50 },
  )
})

test('positions never go back: after a crash they go on beyond all that could have been used', async () => {
  const store = new MemoryStore()
  const counter = await open(store)
  const last = Array.from({ length: 10 }, () => counter.allocate()).at(-1)?.position ?? 0
  const crashed = store.clone()
  const again = await open(crashed)
  assert.ok(again.current() >= last)
  assert.ok(again.allocate().position > last)
})

test('a clean stop gives unused positions back', async () => {
  const store = new MemoryStore()
  const counter = await open(store)
  counter.allocate().done({})
  const shown = counter.current()
  await counter.stop()
  assert.equal((await open(store)).current(), shown)
})

test('a crash after very many positions loses none of them', async () => {
  const store = new MemoryStore()
  const counter = await open(store)
  let last = 0
  for (let n = 0; n < 200_000; n++) {
    const pending = counter.allocate()
    last = pending.position
    pending.done({})
    if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok((await open(store.clone())).current() >= last)
})

test('only those concerned are woken', async () => {
  const counter = await open()
  const since = counter.current()
  const mine = counter.wait(since, inRoom('mine'), { timeoutMs: 60_000 })
  const asked: string[] = []
  const otherAbort = new AbortController()
  const other = counter.wait(
    since,
    (affected) => {
      asked.push(...(affected.rooms ?? []))
      return inRoom('other')(affected)
    },
    { timeoutMs: 60_000, signal: otherAbort.signal },
  )
  const [first, second] = [counter.allocate(), counter.allocate()]
  second.done(room('mine'))
  assert.deepEqual(asked, [], 'nobody hears of a position behind a gap')
  first.abandon()
  assert.equal(await mine, true)
  assert.deepEqual(asked, ['mine'])
  otherAbort.abort()
  assert.equal(await other, false)
})

test('a wait that comes late finds what concerned it, and only that', async () => {
  const counter = await open()
  const since = counter.current()
  counter.allocate().done(room('a'))
  assert.equal(await counter.wait(since, inRoom('a'), { timeoutMs: 0 }), true)
  assert.equal(await counter.wait(since, inRoom('b'), { timeoutMs: 0 }), false)
  assert.equal(await counter.wait(counter.current(), inRoom('a'), { timeoutMs: 0 }), false)
  assert.equal(await counter.wait(since - 1, inRoom('b'), { timeoutMs: 0 }), true, 'too old to know: look yourself')
})

test('who expects a position is told once it is visible, and at once where it is', async () => {
  const counter = await open()
  const [first, second, third] = [counter.allocate(), counter.allocate(), counter.allocate()]
  const told: number[] = []
  const expect = ({ position }: PendingPosition) => counter.shown(position).then(() => told.push(position))
  const all = [expect(third), expect(first), expect(second)]
  second.done(room('a'))
  third.abandon()
  await Promise.resolve()
  assert.deepEqual(told, [])
  first.done(room('a'))
  await Promise.all(all)
  assert.deepEqual(told.length, 3)
  await counter.shown(third.position)
})
