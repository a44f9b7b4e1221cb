import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { client, roomPath } from '../rooms/testing/paths.ts'
import { type RoomServer, startRoomServer } from '../rooms/testing/room-server.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import type { TestUser } from '../testing/test-api.ts'

type Event = {
  event_id: string
  type: string
  sender: string
  state_key?: string
  content: { body?: string; membership?: string; name?: string }
}

const SYNC = client('/sync')
const bodies = (events: readonly Event[]) => events.flatMap((event) => event.content.body ?? [])
const keys = (events: readonly Event[]) => events.map((event) => `${event.type}|${event.state_key ?? ''}`).sort()

async function room(body: JsonObject = { preset: 'public_chat' }) {
  const server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, body)
  return { server, alice, bob, roomId }
}

function setName(server: RoomServer, as: TestUser, roomId: RoomId, name: string) {
  return server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as, body: { name } })
}

test('initial sync matches the spec; nothing new gives nothing but the counts', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  await server.say(alice, roomId, 'hello')
  await server.accountData.put(alice.userId, undefined, 'org.example', { a: 1 })
  await server.accountData.put(alice.userId, roomId, 'm.tag', { tags: {} })
  server.deviceStreams.counts = { signed_curve25519: 3 }
  server.deviceStreams.fallback = ['signed_curve25519']
  const answer = await server.request('GET', SYNC, { as: alice })
  expectMatchesSpec('sync', answer)
  assert.equal(answer.body.rooms.join[roomId].summary['m.joined_member_count'], 2)
  assert.deepEqual(answer.body.rooms.join[roomId].summary['m.heroes'], [bob.userId])
  assert.deepEqual(answer.body.account_data.events, [{ type: 'org.example', content: { a: 1 } }])
  assert.deepEqual(answer.body.rooms.join[roomId].account_data.events, [{ type: 'm.tag', content: { tags: {} } }])
  const next = await server.request('GET', SYNC, { as: alice, query: { since: answer.body.next_batch } })
  expectMatchesSpec('sync', next)
  assert.deepEqual(next.body, {
    next_batch: next.body.next_batch,
    device_one_time_keys_count: { signed_curve25519: 3 },
    device_unused_fallback_key_types: ['signed_curve25519'],
  })
})

test('bad input 16: a forged `since` is 400', async () => {
  const { server, alice } = await room()
  await using _ = server
  for (const since of ['x', 's', 's-1', 's1.5', 's1e3', 't5', 's99999999', 's1_2', 's5_', '9', 's01', 's1_1_1']) {
    const answer = await server.request('GET', SYNC, { as: alice, query: { since } })
    assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_INVALID_PARAM'], since)
  }
  for (const query of [
    { filter: 'nonesuch' },
    { filter: '{' },
    { timeout: 'x' },
    { set_presence: 'x' },
    { full_state: '1' },
  ]) {
    assert.equal((await server.request('GET', SYNC, { as: alice, query: query as never })).status, 400)
  }
})

test('a timeline beyond the limit is limited: newest events, prev_batch, state before the first of them', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const { next_batch: since } = await server.sync(alice)
  await setName(server, alice, roomId, 'in the gap')
  for (let i = 0; i < 3; i++) await server.say(alice, roomId, `gap${i}`)
  await setName(server, alice, roomId, 'in the timeline')
  await server.say(alice, roomId, 'last')
  const filter = JSON.stringify({ room: { timeline: { limit: 2 } } })
  const { timeline, state } = (await server.sync(alice, { since, filter })).rooms.join[roomId]
  assert.equal(timeline.limited, true)
  assert.deepEqual(keys(timeline.events), ['m.room.message|', 'm.room.name|'])
  assert.deepEqual(
    state.events.map((event: Event) => event.content.name),
    ['in the gap'],
  )
  const gap = await server.request('GET', roomPath(roomId, 'messages'), {
    as: alice,
    query: { dir: 'b', from: timeline.prev_batch, to: since },
  })
  assert.deepEqual(bodies(gap.body.chunk), ['gap2', 'gap1', 'gap0'])
  const initial = (await server.sync(alice, { filter })).rooms.join[roomId]
  assert.equal(initial.timeline.limited, true)
  assert.equal(initial.state.events.find((event: Event) => event.type === 'm.room.name').content.name, 'in the gap')
})

test('state_after, by its stable and its unstable name, is the state at the end', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const { next_batch: since } = await server.sync(alice)
  await setName(server, alice, roomId, 'one')
  await setName(server, alice, roomId, 'two')
  for (const [query, key] of [
    [{ use_state_after: 'true' }, 'state_after'],
    [{ 'org.matrix.msc4222.use_state_after': 'true' }, 'org.matrix.msc4222.state_after'],
  ] as const) {
    const entry = (await server.sync(alice, { since, ...query })).rooms.join[roomId]
    assert.equal(entry.state, undefined)
    assert.deepEqual(
      entry[key].events.map((event: Event) => event.content.name),
      ['two'],
    )
    const whole = (await server.sync(alice, query)).rooms.join[roomId][key].events
    assert.equal(whole.find((event: Event) => event.type === 'm.room.name').content.name, 'two')
    assert.ok(keys(whole).includes('m.room.create|'))
  }
})

test('full_state gives all state at once, the timeline still from since', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const { next_batch: since } = await server.sync(alice)
  const body = await server.sync(alice, { since, full_state: 'true', timeout: '30000' })
  const entry = body.rooms.join[roomId]
  assert.deepEqual(entry.timeline.events, [])
  assert.ok(keys(entry.state.events).includes('m.room.create|'))
  assert.ok(keys(entry.state.events).includes(`m.room.member|${alice.userId}`))
})

test('a room joined since comes whole, with what was said before', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.say(alice, roomId, 'before')
  const { next_batch: since } = await server.sync(bob)
  await server.join(bob, roomId)
  await server.say(alice, roomId, 'after')
  const entry = (await server.sync(bob, { since })).rooms.join[roomId]
  assert.deepEqual(bodies(entry.timeline.events), ['before', 'after'])
  assert.ok(entry.summary['m.joined_member_count'] === 2)
  // A change of name is no new joining.
  const { next_batch: later } = await server.sync(bob)
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.member', bob.userId), {
    as: bob,
    body: { membership: 'join', displayname: 'Bobby' },
  })
  const renamed = (await server.sync(bob, { since: later })).rooms.join[roomId]
  assert.deepEqual([renamed.timeline.events.length, renamed.state.events.length], [1, 0])
  assert.equal(renamed.timeline.limited, false)
})

test('invites: stripped state, gone when refused; leaving shows the room once more and then no longer', async () => {
  const { server, alice, bob, roomId } = await room({ name: 'Tea', preset: 'private_chat' })
  await using _ = server
  const { next_batch: before } = await server.sync(bob)
  await server.request('POST', roomPath(roomId, 'invite'), { as: alice, body: { user_id: bob.userId } })
  const invited = await server.request('GET', SYNC, { as: bob, query: { since: before } })
  expectMatchesSpec('sync', invited)
  const { events } = invited.body.rooms.invite[roomId].invite_state
  assert.ok(keys(events).includes('m.room.name|') && keys(events).includes('m.room.create|'))
  for (const { userId } of [alice, bob]) assert.ok(keys(events).includes(`m.room.member|${userId}`))
  for (const event of events) assert.deepEqual(Object.keys(event).sort(), ['content', 'sender', 'state_key', 'type'])
  assert.ok((await server.sync(bob)).rooms.invite[roomId])
  await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  const refused = await server.sync(bob, { since: invited.body.next_batch })
  assert.deepEqual(
    refused.rooms.leave[roomId].timeline.events.map((event: Event) => event.content.membership),
    ['leave'],
  )
  assert.equal(refused.rooms.invite, undefined)
  assert.deepEqual(refused.rooms.leave[roomId].state.events, [], 'the timeline says it')
  const after = await server.sync(bob, { since: invited.body.next_batch, use_state_after: 'true' })
  assert.deepEqual(keys(after.rooms.leave[roomId].state_after.events), [`m.room.member|${bob.userId}`])
  assert.equal((await server.sync(bob)).rooms, undefined)
})

test('a room left: what was missed up to leaving, nothing after, and on demand', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  const { next_batch: since } = await server.sync(bob)
  await server.say(alice, roomId, 'missed')
  await server.request('POST', roomPath(roomId, 'kick'), { as: alice, body: { user_id: bob.userId } })
  await server.say(alice, roomId, 'not for bob')
  await setName(server, alice, roomId, 'not for bob')
  const answer = await server.request('GET', SYNC, { as: bob, query: { since } })
  expectMatchesSpec('sync', answer)
  const left = answer.body.rooms.leave[roomId]
  assert.deepEqual(bodies(left.timeline.events), ['missed'])
  assert.equal(left.timeline.events.at(-1).content.membership, 'leave')
  assert.equal(answer.body.rooms.join, undefined)
  assert.equal((await server.sync(bob, { since: answer.body.next_batch })).rooms, undefined)
  assert.equal((await server.sync(bob)).rooms, undefined)
  const filter = JSON.stringify({ room: { include_leave: true } })
  const asked = (await server.sync(bob, { filter })).rooms.leave[roomId]
  assert.ok(bodies(asked.timeline.events).includes('missed'))
  assert.ok(!JSON.stringify(asked).includes('not for bob'))
  await server.request('POST', roomPath(roomId, 'forget'), { as: bob, body: {} })
  assert.equal((await server.sync(bob, { filter })).rooms, undefined)
})

test('bad input 42: whatever stripped state an invite came with, sync goes on', async () => {
  const { server, alice, bob } = await room()
  await using _ = server
  const row = {
    ...{ roomId: '!far:away.test', membership: 'invite', eventId: '$invite', sender: '@eve:away.test' },
    ...{ position: server.roomPositions.current(), forgotten: false },
  }
  const strange: unknown[] = [null, 5, 'x', [], {}, { type: 5 }, { type: 'm.room.name', state_key: '', sender: 'x' }]
  const good = { type: 'm.room.name', state_key: '', sender: '@eve:away.test', content: { name: 'n' }, extra: 'no' }
  const flood = Array.from({ length: 10_000 }, () => good)
  const rooms = server.rooms.reader.roomsOf.bind(server.rooms.reader)
  server.rooms.reader.roomsOf = async (userId) => [
    ...(await rooms(userId)),
    ...(userId === bob.userId ? [{ ...row, strippedState: [...strange, ...flood] } as never] : []),
  ]
  const answer = await server.request('GET', SYNC, { as: bob })
  expectMatchesSpec('sync', answer)
  const { events } = answer.body.rooms.invite['!far:away.test'].invite_state
  assert.ok(events.length <= 60)
  assert.deepEqual(Object.keys(events[0]).sort(), ['content', 'sender', 'state_key', 'type'])
  assert.equal((await server.request('GET', SYNC, { as: alice })).status, 200)
})

test('ignored users: no messages, no invites, but their state', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  await server.accountData.put(alice.userId, undefined, 'm.ignored_user_list', { ignored_users: { [bob.userId]: {} } })
  const { next_batch: since } = await server.sync(alice)
  await server.say(bob, roomId, 'spam')
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.member', bob.userId), {
    as: bob,
    body: { membership: 'join', displayname: 'Bobby' },
  })
  const other = await server.createRoom(bob, { invite: [alice.userId] })
  const body = await server.sync(alice, { since })
  assert.deepEqual(keys(body.rooms.join[roomId].timeline.events), [`m.room.member|${bob.userId}`])
  assert.equal(body.rooms.invite, undefined)
  await server.accountData.put(alice.userId, undefined, 'm.ignored_user_list', { ignored_users: {} })
  assert.ok((await server.sync(alice)).rooms.invite[other])
})

test('lazy-loaded members: senders and oneself, once; a change in a gap always', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const carol = await server.user('carol')
  await server.join(bob, roomId)
  await server.join(carol, roomId)
  await setName(server, alice, roomId, 'named, so without heroes')
  await server.say(bob, roomId, 'hello')
  const lazy = (more: object = {}, limit = 1) =>
    JSON.stringify({ room: { state: { lazy_load_members: true, ...more }, timeline: { limit } } })
  const members = (body: { rooms?: { join: Record<string, { state: { events: Event[] } }> } }) =>
    (body.rooms?.join[roomId]?.state.events ?? [])
      .filter((event) => event.type === 'm.room.member')
      .map((event) => event.state_key)
      .sort()
  const initial = await server.sync(alice, { filter: lazy() })
  assert.deepEqual(members(initial), [alice.userId, bob.userId])
  await server.say(bob, roomId, 'again')
  const again = await server.sync(alice, { filter: lazy(), since: initial.next_batch })
  assert.deepEqual(members(again), [])
  // An answer that never arrived does not count: the client comes back with its old token.
  await server.say(carol, roomId, 'hi')
  const lost = await server.sync(alice, { filter: lazy(), since: again.next_batch })
  assert.deepEqual(members(lost), [carol.userId])
  const repeated = await server.sync(alice, { filter: lazy(), since: again.next_batch })
  assert.deepEqual(members(repeated), [carol.userId])
  await server.say(carol, roomId, 'hi')
  assert.deepEqual(members(await server.sync(alice, { filter: lazy(), since: repeated.next_batch })), [])
  const redundant = lazy({ include_redundant_members: true })
  assert.deepEqual(members(await server.sync(alice, { filter: redundant, since: repeated.next_batch })), [carol.userId])
  const { next_batch: since } = await server.sync(alice, { filter: lazy(), since: repeated.next_batch })
  await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  await server.say(alice, roomId, 'bye')
  assert.deepEqual(members(await server.sync(alice, { filter: lazy(), since })), [bob.userId])
})

test('filters: rooms, types, event fields, federation format', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const other = await server.createRoom(alice)
  await server.say(alice, roomId, 'hello')
  const sync = async (filter: JsonObject) => (await server.sync(alice, { filter: JSON.stringify(filter) })).rooms?.join
  assert.deepEqual(Object.keys(await sync({ room: { rooms: [roomId] } })), [roomId])
  assert.deepEqual(Object.keys(await sync({ room: { not_rooms: [roomId] } })), [other])
  assert.equal(await sync({ room: { rooms: [] } }), undefined)
  const messages = await sync({ room: { timeline: { types: ['m.room.message'] }, state: { types: ['m.room.n*'] } } })
  assert.deepEqual(keys(messages[roomId].timeline.events), ['m.room.message|'])
  // State events that the timeline's filter leaves out are still part of the state.
  await setName(server, alice, roomId, 'Tea')
  const named = await sync({ room: { timeline: { types: ['m.room.message'] }, state: { types: ['m.room.n*'] } } })
  assert.deepEqual(keys(named[roomId].state.events), ['m.room.name|'])
  const fields = await sync({ event_fields: ['content.body'], room: { timeline: { types: ['m.room.message'] } } })
  assert.deepEqual(Object.keys(fields[roomId].timeline.events[0]).sort(), ['content', 'event_id', 'sender', 'type'])
  const raw = await sync({ event_format: 'federation', room: { rooms: [roomId] } })
  assert.ok(raw[roomId].timeline.events[0].hashes.sha256)
  const userPath = client(`/user/${encodeURIComponent(alice.userId)}/filter`)
  const { filter_id } = (await server.request('POST', userPath, { as: alice, body: { room: { rooms: [other] } } })).body
  assert.deepEqual(Object.keys((await server.sync(alice, { filter: filter_id })).rooms.join), [other])
})

test('a long-poll ends with the write that concerns it', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  const { next_batch: since } = await server.sync(bob)
  const waits: (() => Promise<unknown>)[] = [
    () => server.say(alice, roomId, 'hello'),
    () => server.accountData.put(bob.userId, undefined, 'x', {}),
    () => server.ephemeral.setTyping(roomId, alice.userId, 1_000),
    async () => server.deviceStreams.deliver(bob, { type: 't', sender: alice.userId, content: {} }),
    async () => server.deviceStreams.changeDevices(alice.userId, bob.userId),
    () => server.createRoom(alice, { invite: [bob.userId] }),
    () => server.ephemeral.setPresence(alice.userId, 'unavailable', undefined),
  ]
  let token = since
  for (const write of waits) {
    const polling = server.sync(bob, { since: token, timeout: '60000' })
    await write()
    const body = await polling
    assert.ok(Object.keys(body).length > 3, JSON.stringify(body))
    // Several writes may belong to one action: the rest is taken along.
    token = (await server.sync(bob, { since: body.next_batch })).next_batch
  }
  const nothing = await server.sync(bob, { since: token, timeout: '1' })
  assert.equal(nothing.rooms, undefined)
})

test('claimed keys end a long-poll', async () => {
  const { server, alice } = await room()
  await using _ = server
  server.deviceStreams.counts = { signed_curve25519: 1 }
  const { next_batch: since } = await server.sync(alice)
  const polling = server.sync(alice, { since, timeout: '60000' })
  await waiting(server, 1)
  server.deviceStreams.counts = {}
  server.roomPositions.allocate().done({ users: [alice.userId] })
  assert.deepEqual((await polling).device_one_time_keys_count, {})
})

test('bad input 21: 500 abandoned long-polls are freed', async () => {
  const { server, alice } = await room()
  await using _ = server
  const { next_batch: since } = await server.sync(alice)
  const controllers = Array.from({ length: 500 }, () => new AbortController())
  const polls = controllers.map(({ signal }) =>
    server
      .request('GET', SYNC, { as: alice, query: { since, timeout: '90000' }, signal })
      .catch((error: Error) => assert.equal(error.name, 'AbortError')),
  )
  // The twin: left alone, they are all there.
  await waiting(server, 500)
  for (const controller of controllers) controller.abort()
  await Promise.all(polls)
  await waiting(server, 0)
})

test('to-device messages: a hundred at a time, deleted once the client is past them', async () => {
  const { server, alice } = await room()
  await using _ = server
  for (let n = 0; n < 150; n++) server.deviceStreams.deliver(alice, { type: 't', sender: alice.userId, content: { n } })
  const numbers = (body: { to_device?: { events: { content: { n: number } }[] } }) =>
    body.to_device?.events.map((event) => event.content.n) ?? []
  const first = await server.sync(alice)
  assert.equal(numbers(first).length, 100)
  const second = await server.sync(alice, { since: first.next_batch, timeout: '60000' })
  assert.deepEqual(
    numbers(second),
    Array.from({ length: 50 }, (_, index) => index + 100),
  )
  assert.equal(server.deviceStreams.inbox.length, 50)
  // The same token again: an answer was lost, the messages are still there.
  assert.deepEqual(numbers(await server.sync(alice, { since: first.next_batch })), numbers(second))
  assert.deepEqual(numbers(await server.sync(alice, { since: second.next_batch })), [])
  assert.equal(server.deviceStreams.inbox.length, 0)
})

test('device lists come with incremental syncs only', async () => {
  const { server, alice, bob } = await room()
  await using _ = server
  const { next_batch: since } = await server.sync(alice)
  server.deviceStreams.changeDevices(bob.userId, alice.userId)
  assert.deepEqual((await server.sync(alice, { since })).device_lists, { changed: [bob.userId], left: [] })
  assert.equal((await server.sync(alice)).device_lists, undefined)
})

test('unread counts: by push rules, receipts and threads', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const carol = await server.user('carol')
  await server.say(alice, roomId, 'before bob came')
  await server.join(bob, roomId)
  await server.join(carol, roomId)
  const perThread = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } })
  const counts = async (query: Record<string, string> = {}) => {
    const entry = (await server.sync(bob, query)).rooms.join[roomId]
    const { notification_count: n, highlight_count: h } = entry.unread_notifications
    return [n, h, entry.unread_thread_notifications]
  }
  assert.deepEqual(await counts(), [0, 0, undefined])
  const root = await server.say(alice, roomId, 'root')
  await server.request('PUT', roomPath(roomId, 'send', 'm.room.message', 'h'), {
    as: alice,
    body: { msgtype: 'm.text', body: 'you', 'm.mentions': { user_ids: [bob.userId] } },
  })
  const inThread = { msgtype: 'm.text', body: 't', 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
  const thread = await server.request('PUT', roomPath(roomId, 'send', 'm.room.message', 't'), {
    as: alice,
    body: inThread,
  })
  assert.deepEqual(await counts(), [3, 1, undefined])
  const threads = { [root]: { notification_count: 1, highlight_count: 0 } }
  assert.deepEqual(await counts({ filter: perThread }), [2, 1, threads])
  const read = (eventId: string, body: JsonObject = {}) =>
    server.request('POST', roomPath(roomId, 'receipt', 'm.read.private', eventId), { as: bob, body })
  await read(root)
  assert.deepEqual(await counts({ filter: perThread }), [1, 1, threads])
  await read(thread.body.event_id, { thread_id: root })
  assert.deepEqual(await counts({ filter: perThread }), [1, 1, undefined])
  await server.say(bob, roomId, 'I have read it all')
  assert.deepEqual(await counts(), [0, 0, undefined])
  await server.say(alice, roomId, 'more')
  assert.deepEqual(await counts(), [1, 0, undefined])
})

test('what is redacted counts as unread no more, whether it was counted before or not', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  const unread = async () => (await server.sync(bob)).rooms.join[roomId].unread_notifications.notification_count
  const redact = (eventId: string) =>
    server.request('PUT', roomPath(roomId, 'redact', eventId, eventId), { as: alice, body: {} })
  const first = await server.say(alice, roomId, 'one')
  await server.say(alice, roomId, 'two')
  assert.equal(await unread(), 2)
  await redact(first)
  assert.equal(await unread(), 1)
  await redact(await server.say(alice, roomId, 'three'))
  assert.equal(await unread(), 1)
})

test('heroes are named until the room is; the left ones where nobody else is there', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const heroes = async () => (await server.sync(alice)).rooms.join[roomId].summary['m.heroes']
  assert.deepEqual(await heroes(), [])
  await server.join(bob, roomId)
  const others: string[] = []
  for (let i = 0; i < 6; i++) {
    const user = await server.user(`user${i}`)
    others.push(user.userId)
    await server.join(user, roomId)
  }
  assert.deepEqual(await heroes(), [bob.userId, ...others.slice(0, 4)])
  await setName(server, alice, roomId, 'Named')
  assert.equal(await heroes(), undefined)
  await setName(server, alice, roomId, '')
  assert.equal((await heroes()).length, 5)
})

test('edits are bundled where the timeline is limited', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const target = await server.say(alice, roomId, 'one')
  const body = {
    ...{ msgtype: 'm.text', body: '* two', 'm.new_content': { msgtype: 'm.text', body: 'two' } },
    'm.relates_to': { rel_type: 'm.replace', event_id: target },
  }
  await server.request('PUT', roomPath(roomId, 'send', 'm.room.message', 'e'), { as: alice, body })
  const filter = JSON.stringify({ room: { timeline: { limit: 2 } } })
  const [original] = (await server.sync(alice, { filter })).rooms.join[roomId].timeline.events
  assert.equal(original.unsigned['m.relations']['m.replace'].content.body, '* two')
})

/** Waits until that many long-polls hang on the positions; ends without a clock, by turns of the event loop. */
async function waiting(server: RoomServer, count: number): Promise<void> {
  while (server.roomPositions.waiting !== count) await new Promise((resolve) => setImmediate(resolve))
}
