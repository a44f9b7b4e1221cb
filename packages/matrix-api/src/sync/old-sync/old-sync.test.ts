import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, roomPath } from '../../rooms/testing/paths.ts'
import { startRoomServer } from '../../rooms/testing/room-server.ts'
import { expectMatchesSpec } from '../../testing/openapi.ts'

const EVENTS = client('/events')
const INITIAL = client('/initialSync')
const bodies = (events: readonly { content: { body?: string } }[]) =>
  events.flatMap(({ content }) => content.body ?? [])

async function room() {
  const server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  return { server, alice, bob, roomId }
}

test('initialSync: rooms with state, messages and account data; invites; left rooms only when asked for', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  await server.say(alice, roomId, 'one')
  await server.say(alice, roomId, 'two')
  await server.accountData.put(alice.userId, roomId, 'm.tag', { tags: {} })
  await server.accountData.put(alice.userId, undefined, 'org.example', { a: 1 })
  const left = await server.createRoom(bob, { preset: 'public_chat' })
  await server.join(alice, left)
  await server.request('POST', roomPath(left, 'leave'), { as: alice, body: {} })
  await server.say(bob, left, 'not for alice')
  const invited = await server.createRoom(bob, { invite: [alice.userId] })
  const answer = await server.request('GET', INITIAL, { as: alice, query: { limit: '1' } })
  expectMatchesSpec('initialSync', answer)
  const infoOf = (rooms: readonly { room_id: string }[], id: string) => rooms.find(({ room_id }) => room_id === id)
  // biome-ignore lint/suspicious/noExplicitAny: looked into freely
  const info: any = infoOf(answer.body.rooms, roomId)
  assert.deepEqual([bodies(info.messages.chunk), info.membership, info.visibility], [['two'], 'join', 'private'])
  assert.deepEqual(info.account_data, [{ type: 'm.tag', content: { tags: {} } }])
  assert.deepEqual(answer.body.account_data, [{ type: 'org.example', content: { a: 1 } }])
  assert.ok(info.state.length > 3)
  // biome-ignore lint/suspicious/noExplicitAny: looked into freely
  const invite: any = infoOf(answer.body.rooms, invited)
  assert.deepEqual([invite.membership, invite.invite.content.membership, invite.state], ['invite', 'invite', undefined])
  assert.equal(infoOf(answer.body.rooms, left), undefined)
  const all = await server.request('GET', INITIAL, { as: alice, query: { archived: 'true' } })
  expectMatchesSpec('initialSync', all)
  assert.ok(infoOf(all.body.rooms, left))
  assert.ok(!JSON.stringify(all.body).includes('not for alice'))
  const bad = await server.request('GET', INITIAL, { as: alice, query: { limit: 'x' } })
  expectMatchesSpec('initialSync', bad)
  assert.equal(bad.status, 400)
})

test('events: what came since, in order, of all rooms; a wait ends with the next', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const other = await server.createRoom(alice)
  const elsewhere = await server.createRoom(bob)
  const { end: from } = (await server.request('GET', INITIAL, { as: alice })).body
  await server.say(alice, roomId, 'one')
  await server.say(alice, other, 'two')
  await server.say(bob, elsewhere, 'not for alice')
  await server.say(alice, roomId, 'three')
  const answer = await server.request('GET', EVENTS, { as: alice, query: { from } })
  expectMatchesSpec('getEvents', answer)
  assert.deepEqual([bodies(answer.body.chunk), answer.body.start], [['one', 'two', 'three'], from])
  const nothing = await server.request('GET', EVENTS, { as: alice, query: { from: answer.body.end, timeout: '5' } })
  assert.deepEqual(nothing.body.chunk, [])
  const waiting = server.request('GET', EVENTS, { as: alice, query: { from: nothing.body.end, timeout: '30000' } })
  while (server.roomPositions.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  await server.say(alice, other, 'four')
  assert.deepEqual(bodies((await waiting).body.chunk), ['four'])
  for (const query of [{ from: 'x' }, { from: 's99999999' }, { from: 't-1' }, { timeout: 'x' }, { room_id: 'x' }]) {
    const bad = await server.request('GET', EVENTS, { as: alice, query: query as never })
    expectMatchesSpec('getEvents', bad)
    assert.equal(bad.status, 400, JSON.stringify(query))
  }
})

test('events: a hundred at a time, none left out, none twice', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const rooms = [roomId, await server.createRoom(alice)]
  let { end: from } = (await server.request('GET', INITIAL, { as: alice })).body
  const said = Array.from({ length: 230 }, (_, index) => `m${index}`)
  for (const [index, body] of said.entries()) await server.say(alice, rooms[index % 2] as typeof roomId, body)
  const got: string[] = []
  for (const size of [100, 100, 30, 0]) {
    const { body } = await server.request('GET', EVENTS, { as: alice, query: { from } })
    assert.equal(body.chunk.length, size)
    got.push(...bodies(body.chunk))
    from = body.end
  }
  assert.deepEqual(got, said)
})

test('events of one room: for those who may look into it, also without being there', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const peek = () => server.request('GET', EVENTS, { as: bob, query: { from: 't0', room_id: roomId } })
  await server.say(alice, roomId, 'hidden')
  const refused = await peek()
  assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN'])
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.history_visibility'), {
    as: alice,
    body: { history_visibility: 'world_readable' },
  })
  await server.say(alice, roomId, 'open')
  const seen = await peek()
  expectMatchesSpec('peekEvents', seen)
  assert.deepEqual(bodies(seen.body.chunk), ['open'])
})

test('one event by its id alone: 404 where it is in no room of the user, or not for them', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const eventId = await server.say(alice, roomId, 'hello')
  const get = (as: typeof alice, id: string) =>
    server.request('GET', client(`/events/${encodeURIComponent(id)}`), { as })
  const answer = await get(alice, eventId)
  expectMatchesSpec('getOneEvent', answer)
  assert.deepEqual([answer.body.content.body, answer.body.room_id], ['hello', roomId])
  for (const [as, id] of [
    [bob, eventId],
    [alice, `$${'a'.repeat(43)}`],
  ] as const) {
    const missing = await get(as, id)
    expectMatchesSpec('getOneEvent', missing)
    assert.deepEqual([missing.status, missing.body.errcode], [404, 'M_NOT_FOUND'])
  }
})
