import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, Pdu } from '@starling/protocol'
import { inOrderOf } from './dag-order.ts'

const event = (id: string, ...parents: string[]) => ({
  pdu: { eventId: id as EventId, prevEvents: parents, depth: 1 } as unknown as Pdu,
})
const ids = (events: readonly { readonly pdu: Pdu }[]) => events.map(({ pdu }) => pdu.eventId)

test('parents come before children in whatever order they are given, depths aside', () => {
  const events = [event('d', 'b', 'c'), event('c', 'a'), event('b', 'a', 'elsewhere'), event('a')]
  const order = ids(inOrderOf(events, 'prevEvents'))
  assert.equal(order.length, 4)
  for (const { pdu } of events) {
    for (const parent of pdu.prevEvents.filter((id) => order.includes(id))) {
      assert.ok(order.indexOf(parent) < order.indexOf(pdu.eventId), `${parent} before ${pdu.eventId}`)
    }
  }
})

test('an event given twice comes once, a cycle not at all', () => {
  assert.deepEqual(ids(inOrderOf([event('a'), event('a')], 'prevEvents')), ['a'])
  assert.deepEqual(ids(inOrderOf([event('x', 'y'), event('y', 'x'), event('a')], 'prevEvents')), ['a'])
})
