import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomPath } from '../rooms/testing/paths.ts'
import { startRoomServer } from '../rooms/testing/room-server.ts'
import { ALL, bodiesOf, list, SlidingClient, slidingRoom, slotsOf } from './testing/sliding-client.ts'

test('a first answer has the room whole, later ones what changed', async () => {
  const { server, alice, bob, roomId, client } = await slidingRoom({ preset: 'public_chat', name: 'Tea' })
  await using _ = server
  await server.join(bob, roomId)
  await server.say(bob, roomId, 'hello')
  const body = list({
    timeline_limit: 2,
    required_state: [
      ['m.room.create', ''],
      ['m.room.member', '$ME'],
    ],
  })
  const first = await client.sync({ ...body, txn_id: 'T1' })
  assert.equal(first.txn_id, 'T1')
  assert.deepEqual(first.lists, { list: { count: 1 } })
  const room = first.rooms[roomId]
  assert.deepEqual(slotsOf(room.required_state), ['m.room.create|', `m.room.member|${alice.userId}`])
  assert.deepEqual(bodiesOf(room.timeline), ['hello'])
  assert.deepEqual(
    [room.initial, room.name, room.heroes, room.joined_count, room.invited_count, room.membership, room.lists],
    [true, 'Tea', undefined, 2, 0, 'join', ['list']],
  )
  assert.deepEqual([room.limited, room.num_live, room.is_dm, room.notification_count], [true, 0, undefined, 1])
  assert.equal((await client.sync(body)).rooms[roomId], undefined)

  await server.say(bob, roomId, 'again')
  const next = (await client.sync(body)).rooms[roomId]
  assert.deepEqual(bodiesOf(next.timeline), ['again'])
  assert.deepEqual([next.initial, next.limited, next.num_live, next.notification_count], [undefined, false, 1, 2])
  assert.deepEqual([next.name, next.required_state, next.joined_count], [undefined, undefined, undefined])
  assert.ok(next.bump_stamp > room.bump_stamp)
})

test('name and avatar: given when they change, null when they are gone; then the heroes', async () => {
  const { server, alice, bob, roomId, client } = await slidingRoom({ preset: 'public_chat', name: 'Tea' })
  await using _ = server
  await server.join(bob, roomId)
  await client.sync(ALL)
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as: alice, body: {} })
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.avatar'), { as: alice, body: { url: 'mxc://a/b' } })
  const room = (await client.sync(ALL)).rooms[roomId]
  assert.deepEqual([room.name, room.avatar], [null, 'mxc://a/b'])
  assert.deepEqual(room.heroes, [{ user_id: bob.userId }])
})

test('a gap is limited: the newest events, and prev_batch leads to the rest', async () => {
  const { server, alice, roomId, client } = await slidingRoom()
  await using _ = server
  const body = list({ timeline_limit: 2 })
  const { pos } = await client.sync(body)
  for (let i = 0; i < 5; i++) await server.say(alice, roomId, `m${i}`)
  const room = (await client.sync(body)).rooms[roomId]
  assert.deepEqual([bodiesOf(room.timeline), room.limited, room.num_live], [['m3', 'm4'], true, 2])
  for (const to of [undefined, pos]) {
    const { body: page } = await server.request('GET', roomPath(roomId, 'messages'), {
      as: alice,
      query: { dir: 'b', from: room.prev_batch, limit: '3', ...(to && { to }) },
    })
    assert.deepEqual(bodiesOf(page.chunk), ['m2', 'm1', 'm0'])
  }
})

test('more timeline is sent at once when more is asked for, and only then', async () => {
  const { server, alice, roomId, client } = await slidingRoom()
  await using _ = server
  for (let i = 0; i < 5; i++) await server.say(alice, roomId, `m${i}`)
  await client.sync(list({ timeline_limit: 1 }))
  await server.say(alice, roomId, 'm5')
  assert.deepEqual(bodiesOf((await client.sync(list({ timeline_limit: 1 }))).rooms[roomId].timeline), ['m5'])
  // The two newest it has already, though it asked for one at a time.
  assert.equal((await client.sync(list({ timeline_limit: 2 }))).rooms[roomId], undefined)
  const more = (await client.sync(list({ timeline_limit: 4 }), { timeout: '30000' })).rooms[roomId]
  assert.deepEqual(bodiesOf(more.timeline), ['m2', 'm3', 'm4', 'm5'])
  assert.deepEqual([more.unstable_expanded_timeline, more.initial, more.num_live], [true, undefined, 0])
  assert.equal((await client.sync(list({ timeline_limit: 1 }))).rooms[roomId], undefined)
})

test('more state is sent when more is asked for; less asks for nothing', async () => {
  const { server, alice, roomId, client } = await slidingRoom({ preset: 'public_chat', name: 'Tea' })
  await using _ = server
  await client.sync(list({ required_state: [['m.room.create', '']] }))
  const body = list({
    required_state: [
      ['m.room.create', ''],
      ['m.room.name', ''],
    ],
  })
  assert.deepEqual(slotsOf((await client.sync(body)).rooms[roomId].required_state), ['m.room.name|'])
  assert.equal((await client.sync(body)).rooms[roomId], undefined)
  await client.sync(list({ required_state: [['m.room.create', '']] }))
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as: alice, body: { name: 'Coffee' } })
  assert.equal(
    (await client.sync(list({ required_state: [['m.room.create', '']] }))).rooms[roomId].required_state,
    undefined,
  )
  const [name] = (await client.sync(body)).rooms[roomId].required_state
  assert.equal(name.content.name, 'Coffee')
})

test('required_state: wildcards, and members loaded lazily, once each', async () => {
  const { server, alice, bob, roomId, client } = await slidingRoom()
  await using _ = server
  const carol = await server.user('carol')
  for (const user of [bob, carol]) await server.join(user, roomId)
  await server.say(bob, roomId, 'hello')
  const members = (events: { type: string; state_key: string }[] = []) =>
    events.filter(({ type }) => type === 'm.room.member').map(({ state_key }) => state_key)
  const lazy = list({
    timeline_limit: 1,
    required_state: [
      ['*', '*'],
      ['m.room.member', '$LAZY'],
      ['m.room.member', '$ME'],
    ],
  })
  const first = (await client.sync(lazy)).rooms[roomId].required_state
  assert.deepEqual(members(first).sort(), [alice.userId, bob.userId].sort())
  assert.ok(slotsOf(first).includes('m.room.power_levels|'))
  await server.say(bob, roomId, 'again')
  assert.equal((await client.sync(lazy)).rooms[roomId].required_state, undefined)
  await server.say(carol, roomId, 'me too')
  assert.deepEqual(members((await client.sync(lazy)).rooms[roomId].required_state), [carol.userId])
  const other = new SlidingClient(server, alice, 'other')
  const all = (await other.sync(list({ required_state: [['*', '*']] }))).rooms[roomId].required_state
  assert.equal(members(all).length, 3)
  const keyed = (
    await other.sync(
      list({
        required_state: [
          ['*', ''],
          ['m.room.member', '*'],
        ],
      }),
    )
  ).rooms[roomId]
  // The second asks for no more than the first did, in other words.
  assert.equal(keyed, undefined)
})

test('configs of a list and a subscription are combined', async () => {
  const { server, roomId, client } = await slidingRoom({ preset: 'public_chat', name: 'Tea' })
  await using _ = server
  const body = {
    ...list({ timeline_limit: 1, required_state: [['m.room.create', '']] }),
    room_subscriptions: {
      [roomId]: { timeline_limit: 3, required_state: [['m.room.name', '']] },
      'no room id': {},
      '!no:where': {},
    },
  }
  const answer = await client.sync(body)
  assert.deepEqual(Object.keys(answer.rooms), [roomId])
  assert.equal(answer.rooms[roomId].timeline.length, 3)
  assert.deepEqual(slotsOf(answer.rooms[roomId].required_state), ['m.room.create|', 'm.room.name|'])
})

test('windows: the most recently active rooms, the rest as the range grows, and what moves into it', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const rooms = []
  for (let i = 0; i < 5; i++) rooms.push(await server.createRoom(alice))
  const [oldest, , , second, newest] = rooms as string[] as [string, string, string, string, string]
  const client = new SlidingClient(server, alice)
  const window = (to: number) => list({ ranges: [[0, to]], timeline_limit: 1 })
  const first = await client.sync(window(1))
  assert.deepEqual([Object.keys(first.rooms).sort(), first.lists.list.count], [[newest, second].sort(), 5])
  assert.equal(Object.keys((await client.sync(window(4))).rooms).length, 3)
  await server.say(alice, oldest as never, 'up')
  const moved = (await client.sync(window(1))).rooms
  assert.deepEqual([Object.keys(moved), moved[oldest].initial], [[oldest], undefined])
  // Out of the window now: what happens there waits until it is asked for again.
  await server.say(alice, newest as never, 'up')
  await server.say(alice, second as never, 'up')
  await server.say(alice, oldest as never, 'missed')
  for (const roomId of [second, newest]) await server.say(alice, roomId as never, 'up again')
  assert.deepEqual(Object.keys((await client.sync(window(1))).rooms).sort(), [newest, second].sort())
  assert.deepEqual((await client.sync(window(1))).rooms, {})
  const back = (await client.sync(list({ timeline_limit: 1 }))).rooms
  assert.deepEqual([Object.keys(back), bodiesOf(back[oldest].timeline)], [[oldest], ['missed']])
})

test('no ranges are the whole list, an empty list of them is none of it', async () => {
  const { server, roomId, client } = await slidingRoom()
  await using _ = server
  const none = await client.sync({ lists: { a: { ranges: [] } } })
  assert.deepEqual([none.rooms, none.lists.a.count], [{}, 1])
  const all = await client.sync({ lists: { a: {} } })
  assert.deepEqual(Object.keys(all.rooms), [roomId])
})
