import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientEvent } from '@starling/testkit'
import type { Attempt } from './ledger.ts'
import { faultsOf } from './room-faults.ts'

const event = (id: string): ClientEvent => ({
  event_id: id,
  type: 'm.room.message',
  content: { mark: `mark of ${id}` },
})

/** Three requests, each asked after the answer to the one before it. */
const ATTEMPTS: readonly Attempt[] = ['$1', '$2', '$3'].map((eventId, n) => ({
  ...{ writer: 'w', roomId: '!r', method: 'PUT', path: `send/${n}`, body: {}, idempotent: true },
  asked: 2 * n,
  acknowledged: 2 * n + 1,
  eventId,
}))

/** The guard of the guards: each fault that the kill loop looks for is seen where it is. */
const TIMELINES: Readonly<Record<string, readonly [readonly string[], RegExp | undefined]>> = {
  'all there, in order': [['$1', '$2', '$3'], undefined],
  'others between them': [['$0', '$1', '$x', '$2', '$3'], undefined],
  'an acknowledged event is lost': [['$1', '$3'], /^lost: \$2/],
  'an event is there twice': [['$1', '$2', '$2', '$3'], /^twice: \$2/],
  'the order is not that of the answers': [['$2', '$1', '$3'], /^late: \$1/],
}

for (const [title, [ids, expected]] of Object.entries(TIMELINES)) {
  test(`a timeline where ${title} is ${expected ? 'told' : 'fine'}`, () => {
    const faults = faultsOf(ids.map(event), ATTEMPTS)
    assert.equal(faults.length, expected ? 1 : 0)
    if (expected) assert.match(faults[0] ?? '', expected)
  })
}

test('a request that made two events is told', () => {
  const again = { ...event('$4'), content: event('$2').content }
  assert.deepEqual(faultsOf([event('$1'), event('$2'), event('$3'), again], ATTEMPTS), [
    'two events of one request: $2 and $4 for mark of $2',
  ])
})

test('simultaneous requests may stand in either order', () => {
  const together = ATTEMPTS.map((attempt, n) => ({ ...attempt, asked: n, acknowledged: 10 + n }))
  assert.deepEqual(faultsOf(['$3', '$1', '$2'].map(event), together), [])
})
