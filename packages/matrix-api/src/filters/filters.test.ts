import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import fc from 'fast-check'
import { MemoryStore } from '../testing/memory-store.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startTestApi, type TestUser } from '../testing/test-api.ts'
import { eventFields } from './event-fields.ts'
import { eventMatcher } from './event-matcher.ts'
import { filterEndpoints } from './filter-endpoints.ts'
import { createFilterStore, MAX_FILTERS } from './filter-store.ts'

const start = () => startTestApi(({ store, clock }) => filterEndpoints({ filters: createFilterStore(store, clock) }))

const pathOf = (user: TestUser) => `/_matrix/client/v3/user/${encodeURIComponent(user.userId)}/filter`

test('a filter is defined, read back as it was, and has one id however often it is defined', async () => {
  await using api = await start()
  const alice = await api.user('alice')
  const body = { room: { timeline: { limit: 5, types: ['m.*'] } }, 'org.example.unknown': true }
  const defined = await api.request('POST', pathOf(alice), { as: alice, body })
  expectMatchesSpec('defineFilter', defined)
  const again = await api.request('POST', pathOf(alice), { as: alice, body })
  assert.deepEqual(again.body, defined.body)
  const got = await api.request('GET', `${pathOf(alice)}/${defined.body.filter_id}`, { as: alice })
  expectMatchesSpec('getFilter', got)
  assert.deepEqual(got.body, body)
  assert.equal((await api.request('GET', `${pathOf(alice)}/none`, { as: alice })).status, 404)
})

test('bad input 28: filters of another user are 403', async () => {
  await using api = await start()
  const [alice, bob] = [await api.user('alice'), await api.user('bob')]
  const { filter_id: id } = (await api.request('POST', pathOf(alice), { as: alice, body: {} })).body
  assert.equal((await api.request('POST', pathOf(alice), { as: bob, body: {} })).status, 403)
  assert.equal((await api.request('GET', `${pathOf(alice)}/${id}`, { as: bob })).status, 403)
  assert.equal((await api.request('GET', `${pathOf(bob)}/${id}`, { as: bob })).status, 404)
})

test('bad input 18: a filter with 10,000 rooms is refused, one with 1,000 is not', async () => {
  await using api = await start()
  const alice = await api.user('alice')
  const define = async (body: JsonObject) => (await api.request('POST', pathOf(alice), { as: alice, body })).status
  const rooms = Array.from({ length: 10_000 }, (_, index) => `!${index}:here.test`)
  assert.equal(await define({ room: { rooms } }), 400)
  assert.equal(await define({ room: { timeline: { not_rooms: rooms } } }), 400)
  assert.equal(await define({ event_fields: rooms }), 400)
  assert.equal(await define({ room: { rooms: rooms.slice(0, 1_000) } }), 200)
})

test('what is no filter is refused', async () => {
  await using api = await start()
  const alice = await api.user('alice')
  const bad: JsonObject[] = [
    { room: [] },
    { room: { timeline: { limit: 'x' } } },
    { room: { timeline: { limit: -1 } } },
    { room: { state: { types: 'm.room.name' } } },
    { event_format: 'odd' },
    { presence: { senders: [5] } },
  ]
  for (const body of bad) {
    assert.equal((await api.request('POST', pathOf(alice), { as: alice, body })).status, 400, JSON.stringify(body))
  }
})

test('filters are bounded per user: the oldest goes first', async () => {
  let now = 0
  const filters = createFilterStore(new MemoryStore(), { now: () => now++ })
  const user = '@alice:here.test' as TestUser['userId']
  const ids: string[] = []
  for (let i = 0; i <= MAX_FILTERS; i++) ids.push(await filters.define(user, { n: i }))
  assert.equal(await filters.get(user, ids[0] as string), undefined)
  assert.deepEqual(await filters.get(user, ids[1] as string), { n: 1 })
})

test('event filters: types with wildcards, senders, urls; an exclusion wins', () => {
  const event = { type: 'm.room.message', sender: '@a:x', content: { url: 'mxc://x/y' } }
  const cases: [filter: JsonObject, matches: boolean][] = [
    [{}, true],
    [{ types: [] }, false],
    [{ types: ['m.room.*'] }, true],
    [{ types: ['*.message'] }, true],
    [{ types: ['m.*.message'] }, true],
    [{ types: ['m.*.x.*age'] }, false],
    [{ types: ['m.room.messages*'] }, false],
    [{ types: ['m.room.message'], not_types: ['m.*'] }, false],
    [{ senders: ['@b:x'] }, false],
    [{ senders: ['@a:x'], not_senders: ['@a:x'] }, false],
    [{ contains_url: true }, true],
    [{ contains_url: false }, false],
  ]
  for (const [filter, expected] of cases) {
    assert.equal(eventMatcher(filter as never).matches(event), expected, JSON.stringify(filter))
  }
  assert.equal(eventMatcher({ rooms: ['!a'], not_rooms: ['!b'] }).matchesRoom('!a'), true)
  assert.equal(eventMatcher({ rooms: ['!a', '!b'], not_rooms: ['!b'] }).matchesRoom('!b'), false)
})

test('type patterns match as regular expressions would, whatever the pattern', () => {
  const piece = fc.stringMatching(/^[ab*]{0,6}$/)
  fc.assert(
    fc.property(piece, fc.stringMatching(/^[ab]{0,8}$/), (pattern, type) => {
      const expected = new RegExp(`^${pattern.replaceAll(/\*+/g, '.*')}$`).test(type)
      assert.equal(eventMatcher({ types: [pattern] }).matches({ type, content: {} }), expected)
    }),
  )
})

test('event_fields keeps what is named and what places an event', () => {
  const event: JsonObject = {
    event_id: '$a',
    type: 't',
    sender: '@a:x',
    origin_server_ts: 1,
    content: { body: 'b', 'a.b': { c: 1 }, msgtype: 'm.text' },
    unsigned: { age: 1 },
  }
  const pick = (...fields: string[]) => eventFields(fields)(event)
  assert.deepEqual(pick('content.body', 'none.at.all'), {
    event_id: '$a',
    type: 't',
    sender: '@a:x',
    content: { body: 'b' },
  })
  assert.deepEqual(pick('content.a\\.b.c').content, { 'a.b': { c: 1 } })
  assert.deepEqual(pick('content', 'content.body').content, event.content)
  assert.equal(eventFields(undefined)(event), event)
  assert.deepEqual(Object.keys(pick('__proto__.x')), ['event_id', 'type', 'sender'])
})
