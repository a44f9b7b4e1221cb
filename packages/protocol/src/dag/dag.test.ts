import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { alice, room } from '../testing/auth-cases.ts'
import { ancestors } from './ancestors.ts'
import { depthAfter } from './depth-after.ts'
import { PriorityQueue } from './priority-queue.ts'
import { authOrder, topologicalOrder } from './topological-order.ts'

test('the priority queue sorts', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const queue = new PriorityQueue<number>((a, b) => a - b)
      for (const number of numbers) queue.push(number)
      assert.equal(queue.size, numbers.length)
      const out = numbers.map(() => queue.pop())
      assert.deepEqual(
        out,
        [...numbers].sort((a, b) => a - b),
      )
      assert.equal(queue.pop(), undefined)
    }),
  )
})

/** A random DAG: event n has some of the events before it as parents. */
const dag = fc
  .array(fc.tuple(fc.array(fc.nat(), { maxLength: 3 }), fc.nat(3)), { minLength: 1, maxLength: 25 })
  .map((rows) =>
    rows.map(([parents, ts], i) => {
      const prevEvents = i === 0 ? [] : [...new Set(parents.map((parent) => `$${parent % i}` as EventId))]
      return {
        eventId: `$${i}` as EventId,
        prevEvents,
        authEvents: prevEvents,
        originServerTs: ts,
        depth: 99 - i,
      } as unknown as Pdu
    }),
  )

test('topological order: parents first, and the same whatever order the events come in', () => {
  fc.assert(
    fc.property(dag, (events) => {
      const order = topologicalOrder(events)
      assert.equal(order.length, events.length)
      const place = new Map(order.map((event, i) => [event.eventId, i]))
      for (const event of events) {
        for (const parent of event.prevEvents) assert.ok((place.get(parent) ?? -1) < (place.get(event.eventId) ?? -1))
      }
      assert.deepEqual(topologicalOrder([...events].reverse()), order)
      assert.deepEqual(authOrder([...events].reverse()), authOrder(events))
    }),
  )
})

test('a cycle of given ids is left out rather than waited for', () => {
  const looped = [
    { eventId: '$a', prevEvents: [], originServerTs: 0 },
    { eventId: '$b', prevEvents: ['$c'], originServerTs: 0 },
    { eventId: '$c', prevEvents: ['$b'], originServerTs: 0 },
  ] as unknown as Pdu[]
  assert.deepEqual(
    topologicalOrder(looped).map(({ eventId }) => eventId),
    ['$a'],
  )
})

test('bad input 53: a walk to ancestors ends at its limit and says so', () => {
  const parentsOf = (id: EventId): EventId[] => [`$${Number(id.slice(1)) + 1}` as EventId]
  const walk = ancestors(['$0' as EventId], parentsOf, 1_000)
  assert.equal(walk.ids.size, 1_000)
  assert.equal(walk.truncated, true)
  const short = ancestors(['$0' as EventId], (id) => (id === '$3' ? undefined : parentsOf(id)), 1_000)
  assert.deepEqual([...short.ids], ['$1', '$2', '$3'])
  assert.equal(short.truncated, false)
})

test('depth is one more than the deepest parent, and stays at the limit', () => {
  assert.equal(depthAfter([]), 1)
  assert.equal(depthAfter([{ depth: 4 }, { depth: 9 }]), 10)
  assert.equal(depthAfter([{ depth: Number.MAX_SAFE_INTEGER }]), Number.MAX_SAFE_INTEGER)
})

test('a whole room sorts back into the order it was made in', () => {
  const made = room('12')
  const line = [...made.events.values()]
  assert.deepEqual(topologicalOrder([...line].reverse()), line)
  assert.equal(authOrder(line)[0]?.sender, alice)
})
