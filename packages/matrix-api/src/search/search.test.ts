import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import type { RoomReader } from '../ports.ts'
import { roomPath } from '../rooms/testing/paths.ts'
import { type RoomServer, startRoomServer } from '../rooms/testing/room-server.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import type { TestAnswer, TestUser } from '../testing/test-api.ts'
import { IndexFollower } from './index-follower.ts'
import { wordsOf } from './words.ts'

interface Found {
  readonly count: number
  readonly highlights: string[]
  readonly results: {
    rank: number
    result: JsonObject & { event_id: string; content: JsonObject }
    context?: TestAnswer['body']
  }[]
  readonly next_batch?: string
  readonly groups?: TestAnswer['body']
  readonly state?: TestAnswer['body']
}

async function search(
  here: RoomServer,
  user: TestUser,
  criteria: JsonObject,
  query: Readonly<Record<string, string>> = {},
): Promise<Found> {
  const body = { search_categories: { room_events: criteria } }
  const answer = await here.request('POST', '/_matrix/client/v3/search', { as: user, body, query })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  expectMatchesSpec('search', answer)
  return answer.body.search_categories.room_events
}

function bodies({ results }: Found): unknown[] {
  return results.map(({ result }) => result.content.body ?? result.content.name ?? result.content.topic)
}

async function put(here: RoomServer, user: TestUser, path: string, body: JsonObject): Promise<string> {
  const answer = await here.request('PUT', path, { as: user, body })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body.event_id
}

test('words are found whatever their case, accents and script', () => {
  const terms = (text: string) => wordsOf(text).map(({ term }) => term)
  assert.deepEqual(terms('Café CAFÉ ｃａｆé'), ['cafe', 'cafe', 'cafe'])
  assert.deepEqual(terms("don't, 3.14!"), ["don't", '3.14'])
  assert.deepEqual(terms('Ёлка й'), ['елка', 'и'])
  assert.ok(terms('東京タワーに行きました').length > 1, 'a sentence without spaces has words')
  assert.deepEqual(terms('हिन्दी'), ['हिन्दी'], 'the marks of Indic scripts are letters')
  assert.deepEqual(terms('🎉 -- …'), [])
})

test('messages, names and topics are found by all of their words, the best or the newest first', async () => {
  await using here = await startRoomServer()
  const alice = await here.user('alice')
  const roomId = await here.createRoom(alice, { name: 'Martian gardens', topic: 'martian vegetables' })
  await here.say(alice, roomId, 'Martians and men')
  await here.say(alice, roomId, 'men of the Café')
  await here.say(alice, roomId, 'men, men, men and more men')
  const men = await search(here, alice, { search_term: 'MEN' })
  assert.equal(men.count, 3)
  assert.equal(bodies(men)[0], 'men, men, men and more men', 'what says it most ranks first')
  assert.ok((men.results[0]?.rank ?? 0) > (men.results[2]?.rank ?? 0))
  const recent = await search(here, alice, { search_term: 'men', order_by: 'recent' })
  assert.deepEqual(bodies(recent), ['men, men, men and more men', 'men of the Café', 'Martians and men'])
  const both = await search(here, alice, { search_term: 'cafe men' })
  assert.deepEqual(bodies(both), ['men of the Café'])
  assert.deepEqual(both.highlights.sort(), ['café', 'men'])
  assert.deepEqual(bodies(await search(here, alice, { search_term: 'martian', keys: ['content.name'] })), [
    'Martian gardens',
  ])
  assert.deepEqual(bodies(await search(here, alice, { search_term: 'martian', keys: ['content.topic'] })), [
    'martian vegetables',
  ])
  assert.equal((await search(here, alice, { search_term: 'martian', keys: ['content.body'] })).count, 0)
  assert.equal((await search(here, alice, { search_term: '…' })).count, 0)
  const senders = await search(here, alice, { search_term: 'men', filter: { not_senders: [alice.userId] } })
  assert.deepEqual(senders.results, [])
  const elsewhere = await search(here, alice, { search_term: 'men', filter: { rooms: ['!other:here.test'] } })
  assert.deepEqual([elsewhere.count, elsewhere.results], [0, []])
})

test('results come in pages, with groups, surroundings, profiles and state', async () => {
  await using here = await startRoomServer()
  const alice = await here.user('alice')
  const bob = await here.user('bob')
  const first = await here.createRoom(alice, { invite: [bob.userId] })
  await here.join(bob, first)
  const second = await here.createRoom(alice)
  for (let n = 0; n < 5; n++) await here.say(n % 2 ? bob : alice, first, `needle ${n}`)
  for (let n = 5; n < 8; n++) await here.say(alice, second, `needle ${n}`)
  const criteria = {
    search_term: 'needle',
    order_by: 'recent',
    filter: { limit: 3 },
    groupings: { group_by: [{ key: 'room_id' }, { key: 'sender' }] },
  }
  const seen: unknown[] = []
  let page = await search(here, alice, criteria)
  assert.equal(page.count, 8)
  const groups = page.groups
  for (let turn = 0; ; turn++) {
    seen.push(...bodies(page))
    if (turn === 0) await here.say(alice, second, 'needle that came later')
    if (!page.next_batch) break
    page = await search(here, alice, criteria, { next_batch: page.next_batch })
  }
  assert.deepEqual(
    seen,
    [7, 6, 5, 4, 3, 2, 1, 0].map((n) => `needle ${n}`),
    'each once, and nothing newer slips in',
  )
  assert.equal(groups.room_id[second].results.length, 3)
  assert.equal(groups.sender[alice.userId].order, 1)
  const inSecond = await search(here, alice, criteria, { next_batch: groups.room_id[second].next_batch })
  assert.deepEqual(bodies(inSecond), [], 'the group has no more')
  const [found] = (
    await search(here, bob, {
      search_term: 'needle 2',
      event_context: { before_limit: 1, after_limit: 1, include_profile: true },
      include_state: true,
    })
  ).results
  assert.deepEqual(
    found?.context.events_before.map(({ content }: { content: JsonObject }) => content.body),
    ['needle 1'],
  )
  assert.deepEqual(
    found?.context.events_after.map(({ content }: { content: JsonObject }) => content.body),
    ['needle 3'],
  )
  assert.ok(found?.context.profile_info[alice.userId] && found.context.profile_info[bob.userId])
  const messages = await here.request('GET', roomPath(first, 'messages'), {
    as: bob,
    query: { dir: 'b', from: found.context.start, limit: '1' },
  })
  assert.equal(messages.body.chunk[0].content.body, 'needle 0', 'the token goes on before the surroundings')
})

test('only what the user may see is found and counted', async () => {
  await using here = await startRoomServer()
  const alice = await here.user('alice')
  const bob = await here.user('bob')
  const eve = await here.user('eve')
  const hidden = { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }
  const roomId = await here.createRoom(alice, { preset: 'public_chat', initial_state: [hidden] })
  await here.say(alice, roomId, 'secret before')
  await here.join(bob, roomId)
  await here.say(alice, roomId, 'secret meanwhile')
  await here.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  await here.say(alice, roomId, 'secret after')
  assert.equal((await search(here, alice, { search_term: 'secret' })).count, 3)
  const limited = await search(here, bob, { search_term: 'secret', filter: { limit: 1 } })
  assert.deepEqual([bodies(limited), limited.count], [['secret meanwhile'], 1], 'the count tells of nothing hidden')
  const outside = await search(here, eve, { search_term: 'secret' })
  assert.deepEqual([outside.count, outside.results, outside.highlights], [0, [], []])
  await here.accountData.put(alice.userId, undefined, 'm.ignored_user_list', { ignored_users: { [bob.userId]: {} } })
  await here.join(bob, roomId)
  await here.say(bob, roomId, 'secret of the ignored')
  assert.ok(!bodies(await search(here, alice, { search_term: 'secret' })).includes('secret of the ignored'))
})

test('what is redacted, encrypted or forgotten is not found, and its words are not on the disk', async () => {
  const store = new MemoryStore()
  await using here = await startRoomServer({ store })
  const alice = await here.user('alice')
  const roomId = await here.createRoom(alice)
  const eventId = await here.say(alice, roomId, 'regrettable words')
  await here.say(alice, roomId, 'other words')
  await put(here, alice, roomPath(roomId, 'send', 'm.room.encrypted', 'e1'), {
    ciphertext: 'undisclosed',
    body: 'undisclosed',
  })
  assert.equal((await search(here, alice, { search_term: 'words' })).count, 2)
  assert.equal((await search(here, alice, { search_term: 'undisclosed' })).count, 0)
  assert.ok(await isIndexed(store, 'regrettable'), 'the look at the disk finds what is there')
  await put(here, alice, roomPath(roomId, 'redact', eventId, 'r1'), {})
  assert.deepEqual(bodies(await search(here, alice, { search_term: 'words' })), ['other words'])
  assert.ok(!(await isIndexed(store, 'regrettable')))
  assert.ok(await isIndexed(store, 'other'))
  await here.request('POST', roomPath(roomId, 'leave'), { as: alice, body: {} })
  assert.deepEqual(
    bodies(await search(here, alice, { search_term: 'words' })),
    ['other words'],
    'a room left is searched',
  )
  await here.request('POST', roomPath(roomId, 'forget'), { as: alice, body: {} })
  assert.equal((await search(here, alice, { search_term: 'words' })).count, 0)
  assert.ok(!(await isIndexed(store, 'other')))
})

test('rooms stored before there was an index are indexed in the background, and a crash loses nothing', async () => {
  const store = new MemoryStore()
  let roomId: RoomId
  {
    await using before = await startRoomServer({ store })
    const alice = await before.user('alice')
    roomId = await before.createRoom(alice)
    for (let n = 0; n < 600; n++) await before.rooms.send(message(alice, roomId, `old ${n}`))
  }
  const crashing = new CrashingStore(store)
  {
    await using here = await startRoomServer({ store: crashing })
    await here.user('alice')
    crashing.batchesLeft = 2
    await assert.rejects(here.follower.settled(), /crash/)
  }
  await using here = await startRoomServer({ store })
  const alice = await here.user('alice')
  here.follower.start()
  await here.follower.settled()
  const found = await search(here, alice, { search_term: 'old', order_by: 'recent' })
  assert.equal(found.count, 600)
  assert.equal(bodies(await search(here, alice, { search_term: 'old 0' }))[0], 'old 0')
})

/** `port` with some of its methods replaced. */
function replacing(port: RoomReader, methods: Partial<RoomReader>): RoomReader {
  const read = (_: RoomReader, name: string) => {
    const own = methods[name as keyof RoomReader]
    if (own) return own
    const value = port[name as keyof RoomReader]
    return typeof value === 'function' ? value.bind(port) : value
  }
  return new Proxy(port, { get: read as ProxyHandler<RoomReader>['get'] } as ProxyHandler<RoomReader>)
}

test('messages that were pruned as too old leave the index at the next look over the rooms', async () => {
  const store = new MemoryStore()
  await using here = await startRoomServer({ store })
  const alice = await here.user('alice')
  const roomId = await here.createRoom(alice)
  const old = new Set<string>()
  for (let n = 0; n < 3; n++) old.add(await here.rooms.send(message(alice, roomId, `ancient ${n}`)))
  await here.rooms.send(message(alice, roomId, 'recent'))
  const { reader } = here.rooms
  // As a pruned message is read: its redacted form, which nothing redacted.
  const events: RoomReader['events'] = async (room, ids) =>
    (await reader.events(room, ids)).map((event) =>
      old.has(event.pdu.eventId) ? { ...event, pdu: { ...event.pdu, content: {} } } : event,
    )
  const follower = new IndexFollower({
    ...{ index: here.index, positions: here.rooms.positions, users: here.accounts, clock: here.clock },
    ...{ logger: here.logger, reader: replacing(reader, { events }) },
  })
  await here.follower.settled()
  assert.ok(await isIndexed(store, 'ancient'))
  await follower.settled()
  assert.ok(!(await isIndexed(store, 'ancient')))
  assert.ok(await isIndexed(store, 'recent'))
})

test('a long common word is found among thousands in order, and removing one of them leaves the rest', async () => {
  const store = new MemoryStore()
  await using here = await startRoomServer({ store })
  const alice = await here.user('alice')
  const roomId = await here.createRoom(alice)
  const ids: string[] = []
  for (let n = 0; n < 700; n++) ids.push(await here.rooms.send(message(alice, roomId, `common ${n}`)))
  await here.follower.settled()
  assert.equal((await here.index.postings('common')).documents.length, 700)
  await put(here, alice, roomPath(roomId, 'redact', ids[3] ?? '', 'r'), {})
  assert.equal((await search(here, alice, { search_term: 'common' })).count, 699)
  assert.equal((await here.index.postings('common')).documents.length, 699)
})

test('bad input 16: forged next_batch is 400, never a crash', async () => {
  await using here = await startRoomServer()
  const alice = await here.user('alice')
  const body = { search_categories: { room_events: { search_term: 'x' } } }
  const made = (value: unknown) => `x${Buffer.from(JSON.stringify(value)).toString('base64url')}`
  for (const next_batch of [
    'nonsense',
    'x',
    'x!!',
    made({}),
    made([1]),
    made([1, 2, 'three']),
    made([1, 2, 3, 'x', 'y']),
  ]) {
    const answer = await here.request('POST', '/_matrix/client/v3/search', { as: alice, body, query: { next_batch } })
    assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_INVALID_PARAM'], next_batch)
    expectMatchesSpec('search', answer)
  }
  const negative = await search(here, alice, { search_term: 'x' }, { next_batch: made([-1, 1e300, -5]) })
  assert.equal(negative.count, 0)
})

test('bad input 17: a search with limit=1e9 or a giant term is bounded', async () => {
  await using here = await startRoomServer()
  const alice = await here.user('alice')
  const roomId = await here.createRoom(alice)
  for (let n = 0; n < 120; n++) await here.rooms.send(message(alice, roomId, `bounded ${n}`))
  const found = await search(here, alice, { search_term: 'bounded', filter: { limit: 1e9 } })
  assert.equal(found.results.length, 100)
  const giant = await here.request('POST', '/_matrix/client/v3/search', {
    as: alice,
    body: { search_categories: { room_events: { search_term: 'a '.repeat(10_000) } } },
  })
  assert.equal(giant.status, 400)
  expectMatchesSpec('search', giant)
})

function message(user: TestUser, roomId: RoomId, body: string) {
  return { roomId, sender: user.userId, type: 'm.room.message', content: { msgtype: 'm.text', body } }
}

/** Whether a word stands in any row of the search index. */
async function isIndexed(store: MemoryStore, word: string): Promise<boolean> {
  for await (const [key, value] of store.entries({ gte: Uint8Array.of(208), lt: Uint8Array.of(224) })) {
    if (Buffer.from(key).includes(word) || Buffer.from(value).includes(word)) return true
  }
  return false
}

/** Fails after some writes of the index, as a crash would. */
class CrashingStore extends MemoryStore {
  readonly #inner: MemoryStore
  batchesLeft = Number.POSITIVE_INFINITY
  constructor(inner: MemoryStore) {
    super()
    this.#inner = inner
  }
  override get(key: Uint8Array) {
    return this.#inner.get(key)
  }
  override getMany(keys: readonly Uint8Array[]) {
    return this.#inner.getMany(keys)
  }
  override entries(range: Parameters<MemoryStore['entries']>[0]) {
    return this.#inner.entries(range)
  }
  override async batch(operations: Parameters<MemoryStore['batch']>[0]) {
    if (operations.some(({ key }) => (key[0] ?? 0) === 208) && this.batchesLeft-- <= 0) throw new Error('crash')
    return this.#inner.batch(operations)
  }
}
