import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject, RoomVersionRules, ServerName } from '@starling/protocol'
import { roomVersionRules } from '@starling/protocol'
import type { CheckedPdu, ServerRequests } from '../../contracts.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { unpackIds } from '../wire/packed-ids.ts'
import { type FetchParts, StateEventFetch } from './fetch-state-events.ts'

const rules = roomVersionRules('12') as RoomVersionRules
const target = { roomId: '!room', roomVersion: '12', rules }
const server = 'friend' as ServerName
const ids = Array.from({ length: 3_000 }, (_, n) => {
  return `$${Buffer.from(String(n).padStart(32, '0')).toString('base64url')}` as EventId
})

/** A server that has every event, and a check of what it gave that lasts until `checked` resolves. */
function setUp(checked: () => Promise<void>, wanted: readonly EventId[] = ids) {
  let asked = 0
  const lengths: number[] = []
  const requests = {
    request: async (_to: string, _method: string, _uri: string, content: JsonObject) => {
      asked++
      lengths.push((unpackIds(content.ids, rules, 250) ?? []).length)
      return { events: (unpackIds(content.ids, rules, 250) ?? []).map((eventId) => ({ eventId })) }
    },
  } as unknown as ServerRequests
  const carrier = {
    unpackAll: async (list: readonly JsonObject[]) => {
      await checked()
      return list.map(({ eventId }) => ({ ok: true, checked: { pdu: { eventId, roomId: '!room' } } }))
    },
  } as unknown as EventCarrier
  const parts: FetchParts = {
    requests,
    carrier,
    keys: { peersOf: () => ['peer' as never] },
    timers: { after: () => () => undefined },
    count: () => undefined,
  }
  return { fetch: new StateEventFetch(parts, target, wanted, [server]), asked: () => asked, lengths }
}

async function taken(fetch: StateEventFetch): Promise<CheckedPdu[]> {
  const all: CheckedPdu[] = []
  for await (const page of fetch.pages()) all.push(...page)
  return all
}

test('while pages are checked the next ones are asked for, and all come in order', async () => {
  const gate = Promise.withResolvers<void>()
  const { fetch, asked } = setUp(() => {
    // No check ends before four pages have been asked for: with two at a time, counted until they are checked, none would.
    if (asked() === 4) gate.resolve()
    return gate.promise
  })
  const all = await taken(fetch)
  assert.deepEqual(
    all.map(({ pdu }) => pdu.eventId),
    ids,
  )
})

test('what is checked slowly does not make more wait in memory than the window', async () => {
  const gate = Promise.withResolvers<void>()
  const { fetch, asked } = setUp(() => gate.promise)
  const all = taken(fetch)
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(asked(), 8)
  gate.resolve()
  assert.equal((await all).length, ids.length)
})

test('the first pages are asked for before anybody waits for them, and nothing more once it is stopped', async () => {
  const { fetch, asked } = setUp(async () => undefined)
  fetch.begin()
  assert.equal(asked(), 2)
  fetch.stop()
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(asked(), 2)
  await assert.rejects(taken(fetch), /nobody waits/)
})

test('pages are a short one, so that there is something to check, and equal ones: none of a few events comes after them', async () => {
  for (const [count, expected] of [
    [1_001, [84, 167, 167, 167, 167, 167, 82]],
    [3_000, [125, ...Array<number>(11).fill(250), 125]],
    [1, [1]],
  ] as const) {
    const { fetch, lengths } = setUp(async () => undefined, ids.slice(0, count))
    assert.equal((await taken(fetch)).length, count)
    assert.deepEqual(lengths, expected)
  }
})
