import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestAnswer, TestUser } from '../../testing/test-api.ts'
import { client, roomPath, roomPathV1 } from '../testing/paths.ts'
import { type RoomServer, startRoomServer } from '../testing/room-server.ts'

type Event = { event_id: string; type: string; sender: string; state_key?: string; content: { body?: string } }

async function room(body: object = { preset: 'public_chat' }) {
  const server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await server.createRoom(alice, body as never)
  return { server, alice, bob, carol, roomId }
}

function get(server: RoomServer, as: TestUser, path: string, query: Record<string, string> = {}): Promise<TestAnswer> {
  return server.request('GET', path, { as, query })
}

const bodies = (events: readonly Event[]) => events.flatMap((event) => event.content.body ?? [])

test('messages: pages in both directions meet, without gaps or repetitions', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const said: string[] = []
  for (let i = 0; i < 25; i++) said.push(await server.say(alice, roomId, `m${i}`))
  const walk = async (dir: 'b' | 'f') => {
    const seen: Event[] = []
    let from: string | undefined
    do {
      const query = { dir, limit: '4', ...(from === undefined ? {} : { from }) }
      const answer = await get(server, alice, roomPath(roomId, 'messages'), query)
      expectMatchesSpec('getRoomEvents', answer)
      if (from !== undefined) assert.equal(answer.body.start, from)
      seen.push(...answer.body.chunk)
      from = answer.body.end
    } while (from !== undefined)
    return seen.map((event) => event.event_id)
  }
  const backwards = await walk('b')
  assert.deepEqual(await walk('f'), backwards.toReversed())
  assert.deepEqual(backwards.slice(0, 25), said.toReversed())
  assert.equal(new Set(backwards).size, backwards.length)
})

test('messages: `to` ends the page, a filter chooses, a page may be empty and go on', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  await server.say(alice, roomId, 'first')
  const token = (await server.sync(alice)).next_batch
  for (let i = 0; i < 3; i++) await server.say(bob, roomId, `b${i}`)
  await server.say(alice, roomId, 'last')
  const path = roomPath(roomId, 'messages')
  const since = await get(server, alice, path, { dir: 'b', to: token })
  assert.deepEqual(bodies(since.body.chunk), ['last', 'b2', 'b1', 'b0'])
  const onwards = await get(server, alice, path, { dir: 'f', from: token })
  assert.deepEqual(bodies(onwards.body.chunk), ['b0', 'b1', 'b2', 'last'])
  const filter = JSON.stringify({ senders: [bob.userId], types: ['m.room.m*age'], lazy_load_members: true })
  const filtered = await get(server, alice, path, { dir: 'b', filter })
  assert.deepEqual(bodies(filtered.body.chunk), ['b2', 'b1', 'b0'])
  assert.deepEqual(
    filtered.body.state.map((event: Event) => event.state_key),
    [bob.userId],
  )
  const nothing = await get(server, alice, path, { dir: 'b', filter: JSON.stringify({ types: [] }) })
  assert.deepEqual(nothing.body.chunk, [])
  assert.equal((await get(server, alice, path, { dir: 'b', filter: '{"types":5}' })).status, 400)
  assert.equal((await get(server, alice, path, { dir: 'b', filter: '{' })).status, 400)
  assert.equal((await get(server, alice, path, {})).body.errcode, 'M_MISSING_PARAM')
  assert.equal((await get(server, alice, path, { dir: 'x' })).status, 400)
})

test('bad input 16: a forged `from`, `to` or `at` is 400', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const forged = ['x', 't', 't1e3', 't-', 't1.5', 's-1', 't99999999999999999999', 's1_2_3', '../x', 't01', '\u0000']
  for (const token of forged) {
    const queries: Record<string, string>[] = [
      { dir: 'b', from: token },
      { dir: 'f', to: token },
    ]
    for (const query of queries) {
      const answer = await get(server, alice, roomPath(roomId, 'messages'), query)
      assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_INVALID_PARAM'], token)
    }
    assert.equal((await get(server, alice, roomPath(roomId, 'members'), { at: token })).status, 400, token)
  }
  const eventId = await server.say(alice, roomId, 'hello')
  for (const token of ['t0', 't-5', 't9007199254740991', 't-9007199254740991', 's0', 's99999', 's9007199254740991']) {
    for (const dir of ['b', 'f']) {
      for (const bound of ['from', 'to']) {
        const messages = await get(server, alice, roomPath(roomId, 'messages'), { dir, [bound]: token })
        assert.equal(messages.status, 200, `${dir} ${bound} ${token}`)
        const relations = await get(server, alice, roomPathV1(roomId, 'relations', eventId), { dir, [bound]: token })
        assert.ok(relations.status < 500, `${dir} ${bound} ${token}`)
      }
    }
  }
})

test('bad input 17: limit=1e9 is clamped', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  for (let i = 0; i < 300; i++) {
    await server.rooms.send({ roomId, sender: alice.userId, type: 'm.room.message', content: { body: `${i}` } })
  }
  const huge = await get(server, alice, roomPath(roomId, 'messages'), { dir: 'b', limit: '1000000000' })
  assert.equal(huge.body.chunk.length, 250)
  for (const limit of ['1e9', 'x', '']) {
    assert.equal((await get(server, alice, roomPath(roomId, 'messages'), { dir: 'b', limit })).status, 400)
  }
  const context = await get(server, alice, roomPath(roomId, 'context', huge.body.chunk[150].event_id), {
    limit: '1000000000',
  })
  assert.equal(context.body.events_before.length + context.body.events_after.length, 100)
})

test('bad input 23: nobody reads a room before joining, by any read route', async () => {
  const { server, alice, bob, carol, roomId } = await room({ preset: 'private_chat', invite: ['@carol:here.test'] })
  await using _ = server
  const eventId = await server.say(alice, roomId, 'secret')
  const routes: [path: string, query?: Record<string, string>][] = [
    [roomPath(roomId, 'messages'), { dir: 'b' }],
    [roomPath(roomId, 'state')],
    [roomPath(roomId, 'state', 'm.room.create')],
    [roomPath(roomId, 'members')],
    [roomPath(roomId, 'joined_members')],
    [roomPath(roomId, 'event', eventId)],
    [roomPath(roomId, 'context', eventId)],
    [roomPath(roomId, 'initialSync')],
    [roomPath(roomId, 'aliases')],
    [roomPathV1(roomId, 'relations', eventId)],
    [roomPathV1(roomId, 'relations', eventId, 'm.thread')],
    [roomPathV1(roomId, 'relations', eventId, 'm.thread', 'm.room.message')],
    [roomPathV1(roomId, 'threads')],
    [roomPathV1(roomId, 'timestamp_to_event'), { ts: '0', dir: 'f' }],
  ]
  for (const [route, query] of routes) {
    // The twin: a member gets an answer on every one of them.
    assert.equal((await get(server, alice, route, query)).status, 200, route)
    for (const outsider of [bob, carol]) {
      const answer = await get(server, outsider, route, query)
      assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'], route)
    }
    const unknown = await get(server, bob, route.replace(encodeURIComponent(roomId), '!nowhere%3Ahere.test'), query)
    assert.equal(unknown.status, 403, `${route} must not tell whether a room exists`)
  }
  assert.equal((await server.sync(bob)).rooms, undefined)
  assert.equal((await get(server, bob, client(`/room_summary/${encodeURIComponent(roomId)}`, 'v1'))).status, 404)
})

test('bad input 24: an event asked for through another room is 404', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const other = await server.createRoom(alice)
  const eventId = await server.say(alice, other, 'elsewhere')
  for (const path of [
    roomPath(roomId, 'event', eventId),
    roomPath(roomId, 'context', eventId),
    roomPathV1(roomId, 'relations', eventId),
  ]) {
    const answer = await get(server, alice, path)
    assert.deepEqual([answer.status, answer.body.errcode], [404, 'M_NOT_FOUND'], path)
  }
  assert.equal((await get(server, alice, roomPath(other, 'event', eventId))).status, 200)
})

test('bad input 29: members and summary of a private room are not for those outside', async () => {
  const { server, alice, bob, roomId } = await room({ preset: 'private_chat' })
  await using _ = server
  const summary = client(`/room_summary/${encodeURIComponent(roomId)}`, 'v1')
  assert.equal((await get(server, bob, summary)).status, 404)
  assert.equal((await get(server, bob, roomPath(roomId, 'members'))).status, 403)
  assert.equal((await server.request('GET', summary)).status, 404)
  const own = await get(server, alice, summary)
  expectMatchesSpec('getRoomSummary', own)
  assert.equal(own.body.membership, 'join')
})

/** What bob sees of: said before, while invited, while joined, after leaving. */
async function historySeenBy(visibility: string): Promise<{ while: string[]; after: string[] }> {
  const { server, alice, bob, roomId } = await room({
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }],
  })
  await using _ = server
  await server.say(alice, roomId, 'before')
  await server.request('POST', roomPath(roomId, 'invite'), { as: alice, body: { user_id: bob.userId } })
  await server.say(alice, roomId, 'invited')
  await server.join(bob, roomId)
  await server.say(alice, roomId, 'joined')
  const read = async () => {
    const answer = await get(server, bob, roomPath(roomId, 'messages'), { dir: 'f', limit: '100' })
    return bodies(answer.body.chunk)
  }
  const during = await read()
  await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  await server.say(alice, roomId, 'left')
  return { while: during, after: await read() }
}

test('history visibility: what a member sees, and keeps seeing after leaving', async () => {
  const seen = {
    world_readable: ['before', 'invited', 'joined'],
    shared: ['before', 'invited', 'joined'],
    invited: ['invited', 'joined'],
    joined: ['joined'],
    nonsense: ['before', 'invited', 'joined'],
  }
  for (const [visibility, expected] of Object.entries(seen)) {
    const history = await historySeenBy(visibility)
    assert.deepEqual(history.while, expected, visibility)
    assert.deepEqual(history.after, expected, `${visibility}, after leaving`)
  }
})

test('history visibility is that at the event, not that of now', async () => {
  const { server, alice, bob, roomId } = await room({
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  })
  await using _ = server
  await server.say(alice, roomId, 'hidden')
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.history_visibility'), {
    as: alice,
    body: { history_visibility: 'shared' },
  })
  await server.say(alice, roomId, 'open')
  await server.join(bob, roomId)
  const answer = await get(server, bob, roomPath(roomId, 'messages'), { dir: 'b', limit: '100' })
  assert.deepEqual(bodies(answer.body.chunk), ['open'])
  const hidden = (await get(server, alice, roomPath(roomId, 'messages'), { dir: 'b', limit: '100' })).body.chunk
  const eventId = hidden.find((event: Event) => event.content.body === 'hidden').event_id
  assert.equal((await get(server, bob, roomPath(roomId, 'event', eventId))).status, 404)
  assert.equal((await get(server, alice, roomPath(roomId, 'event', eventId))).status, 200)
})

test('a world-readable room is open to look at, not to know who asks', async () => {
  const { server, alice, bob, roomId } = await room({
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
  })
  await using _ = server
  await server.say(alice, roomId, 'hello')
  const peek = await get(server, bob, roomPath(roomId, 'initialSync'))
  expectMatchesSpec('roomInitialSync', peek)
  assert.deepEqual(bodies(peek.body.messages.chunk), ['hello'])
  assert.equal((await get(server, bob, roomPath(roomId, 'state'))).status, 200)
  assert.equal((await get(server, bob, roomPath(roomId, 'joined_members'))).status, 403)
})

test('who left sees the room as it was then', async () => {
  const { server, alice, bob, carol, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as: alice, body: { name: 'Then' } })
  await server.request('POST', roomPath(roomId, 'kick'), { as: alice, body: { user_id: bob.userId } })
  await server.request('POST', roomPath(roomId, 'ban'), { as: alice, body: { user_id: bob.userId } })
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as: alice, body: { name: 'Now' } })
  await server.join(carol, roomId)
  assert.deepEqual((await get(server, bob, roomPath(roomId, 'state', 'm.room.name'))).body, { name: 'Then' })
  const members = await get(server, bob, roomPath(roomId, 'members'))
  assert.deepEqual(members.body.chunk.map((event: Event) => event.state_key).sort(), [alice.userId, bob.userId])
  const state = await get(server, bob, roomPath(roomId, 'state'))
  expectMatchesSpec('getRoomState', state)
  const own = state.body.find((event: Event) => event.state_key === bob.userId)
  assert.equal(own.content.membership, 'leave')
})

test('members: by membership, at a token, and joined ones with their profiles', async () => {
  const { server, alice, bob, carol, roomId } = await room()
  await using _ = server
  await server.profiles.set(bob.userId, 'displayname', 'Bob')
  await server.join(bob, roomId)
  const early = (await server.sync(alice)).next_batch
  await server.join(carol, roomId)
  await server.request('POST', roomPath(roomId, 'leave'), { as: carol, body: {} })
  const members = async (query: Record<string, string>) => {
    const answer = await get(server, alice, roomPath(roomId, 'members'), query)
    expectMatchesSpec('getMembersByRoom', answer)
    return answer.body.chunk.map((event: Event) => event.state_key).sort()
  }
  assert.deepEqual(await members({}), [alice.userId, bob.userId, carol.userId])
  assert.deepEqual(await members({ membership: 'join' }), [alice.userId, bob.userId])
  assert.deepEqual(await members({ not_membership: 'join' }), [carol.userId])
  assert.deepEqual(await members({ membership: 'join', not_membership: 'leave' }), [alice.userId, bob.userId])
  assert.deepEqual(await members({ at: early }), [alice.userId, bob.userId])
  assert.equal((await get(server, alice, roomPath(roomId, 'members'), { membership: 'odd' })).status, 400)
  const joined = await get(server, alice, roomPath(roomId, 'joined_members'))
  expectMatchesSpec('getJoinedMembersByRoom', joined)
  assert.deepEqual(joined.body.joined, {
    [alice.userId]: { display_name: alice.userId },
    [bob.userId]: { display_name: 'Bob' },
  })
})

test('context: what surrounds an event, with tokens that lead on', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const ids: string[] = []
  for (let i = 0; i < 11; i++) ids.push(await server.say(alice, roomId, `m${i}`))
  const answer = await get(server, alice, roomPath(roomId, 'context', ids[5] as string), { limit: '4' })
  expectMatchesSpec('getEventContext', answer)
  assert.deepEqual(bodies(answer.body.events_before), ['m4', 'm3'])
  assert.deepEqual(bodies(answer.body.events_after), ['m6', 'm7'])
  assert.equal(answer.body.event.event_id, ids[5])
  const before = await get(server, alice, roomPath(roomId, 'messages'), {
    dir: 'b',
    from: answer.body.start,
    limit: '1',
  })
  const after = await get(server, alice, roomPath(roomId, 'messages'), { dir: 'f', from: answer.body.end, limit: '1' })
  assert.deepEqual([...bodies(before.body.chunk), ...bodies(after.body.chunk)], ['m2', 'm8'])
  const alone = await get(server, alice, roomPath(roomId, 'context', ids[5] as string), { limit: '0' })
  assert.deepEqual([alone.body.events_before, alone.body.events_after], [[], []])
  const lazy = await get(server, alice, roomPath(roomId, 'context', ids[5] as string), {
    filter: JSON.stringify({ lazy_load_members: true, types: ['m.room.member'] }),
  })
  assert.deepEqual(
    lazy.body.state.map((event: Event) => event.state_key),
    [alice.userId],
  )
})

test('timestamp_to_event: the nearest on each side', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    server.clock.advance(60_000)
    const eventId = await server.say(alice, roomId, `${i}`)
    times.push((await get(server, alice, roomPath(roomId, 'event', eventId))).body.origin_server_ts)
  }
  const find = async (ts: number, dir: string) => {
    const answer = await get(server, alice, roomPathV1(roomId, 'timestamp_to_event'), { ts: `${ts}`, dir })
    expectMatchesSpec('getEventByTimestamp', answer)
    return answer.body.origin_server_ts ?? answer.status
  }
  const [, second, third] = times as [number, number, number]
  assert.equal(await find(second + 1, 'b'), second)
  assert.equal(await find(second + 1, 'f'), third)
  assert.equal(await find(third, 'f'), third)
  assert.equal(await find(0, 'b'), 404)
  assert.equal(await find((times[4] as number) + 1, 'f'), 404)
  assert.equal((await get(server, alice, roomPathV1(roomId, 'timestamp_to_event'), { ts: 'x', dir: 'f' })).status, 400)
})

test('timestamp_to_event: among thousands, with a sender whose clock is off, and nothing after one left', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.join(bob, roomId)
  const say = (body: string) =>
    server.rooms.send({ roomId, sender: alice.userId, type: 'm.room.message', content: { msgtype: 'm.text', body } })
  const start = server.clock.now()
  for (let n = 1; n <= 1_200; n++) {
    server.clock.advance(60_000)
    await say(`${n}`)
    if (n === 300) {
      server.clock.advance(3_000_000)
      await say('from the future')
      server.clock.advance(-3_000_000)
    }
    if (n === 1_000) await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  }
  const find = async (user: typeof alice, minutes: number, dir: string) => {
    const ts = `${start + minutes * 60_000}`
    const found = await get(server, user, roomPathV1(roomId, 'timestamp_to_event'), { ts, dir })
    if (found.status !== 200) return found.status
    return (await get(server, user, roomPath(roomId, 'event', found.body.event_id))).body.content.body
  }
  assert.deepEqual(await Promise.all([find(alice, 700.5, 'b'), find(alice, 700.5, 'f')]), ['700', '701'])
  assert.deepEqual(await Promise.all([find(alice, 5.5, 'b'), find(alice, 0.5, 'f')]), ['5', '1'])
  assert.equal(await find(alice, 299.5, 'f'), '300')
  assert.equal(await find(alice, 5_000, 'b'), '1200')
  assert.equal(await find(bob, 1_100, 'f'), 404, 'what came after the leaving is not told')
  assert.equal(await find(bob, 999.5, 'b'), '999')
})

test('an event replaces another: prev_content and replaces_state say which', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const set = async (name: string) => {
    const body = { name }
    return (await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as: alice, body })).body.event_id
  }
  const first = await set('one')
  const second = await set('two')
  const event = await get(server, alice, roomPath(roomId, 'event', second))
  expectMatchesSpec('getOneRoomEvent', event)
  assert.deepEqual(event.body.unsigned.prev_content, { name: 'one' })
  assert.equal(event.body.unsigned.replaces_state, first)
  assert.equal(event.body.unsigned.membership, 'join')
  assert.equal(event.body.room_id, roomId satisfies RoomId)
})
