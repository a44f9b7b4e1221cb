import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { RoomServer } from '../../test/room-server.ts'
import { twoServers } from '../../test/two-servers.ts'

async function invited() {
  const servers = await twoServers()
  const { a, alice, roomId, version, keys } = servers
  const c = await RoomServer.open('gamma.test', { keys })
  const carol = c.user('carol')
  const inviteId = await a.setMembership(roomId, alice, carol, 'invite')
  const invite = await c.check((await a.pdu(inviteId)).json, version)
  return { ...servers, c, carol, inviteId, invite }
}

test('an invite from outside is kept with its stripped state and wakes the user, and a leave ends it', async () => {
  const { a, c, alice, carol, roomId, inviteId, invite, version } = await invited()
  const name = { type: 'm.room.name', state_key: '', sender: alice, content: { name: 'A room' } }
  const since = c.rooms.positions.current()
  assert.equal((await c.engine.storeOutOfRoomMembership(invite, [name])).kind, 'outlier')
  const membership = await c.reader.membership(roomId, carol)
  assert.equal(membership?.membership, 'invite')
  assert.equal(membership?.eventId, inviteId)
  assert.deepEqual(
    membership?.strippedState.map(({ type }) => type),
    ['m.room.name', 'm.room.member'],
  )
  const news = await c.rooms.positions.wait(since, ({ users }) => users?.includes(carol) ?? false, { timeoutMs: 0 })
  assert.equal(news, true)
  assert.deepEqual(await c.engine.joinedRooms(), [])
  assert.equal(await c.engine.roomVersion(roomId), version)
  assert.deepEqual((await c.engine.storeOutOfRoomMembership(invite, [])).kind, 'duplicate')

  const leave = await a.setMembership(roomId, alice, carol, 'leave')
  const checked = await c.check((await a.pdu(leave)).json, version)
  assert.equal((await c.engine.storeOutOfRoomMembership(checked, [])).kind, 'outlier')
  assert.equal((await c.reader.membership(roomId, carol))?.membership, 'leave')
})

test('bad input 42: giant and malformed stripped state is cut, and the invite works', async () => {
  const { c, alice, carol, roomId, invite } = await invited()
  const good = { type: 'm.room.name', state_key: '', sender: alice, content: { name: 'A room' }, extra: 'dropped' }
  const junk: unknown[] = [
    null,
    3,
    'text',
    [],
    {},
    { type: 'm.room.topic' },
    { type: 'm.room.topic', state_key: 5, sender: alice, content: {} },
    { type: 'm.room.topic', state_key: '', sender: alice, content: 'x' },
    good,
    { type: 'm.room.member', state_key: carol, sender: alice, content: { membership: 'join' } },
    ...Array.from({ length: 10_000 }, () => ({ ...good, content: { name: 'x'.repeat(10_000) } })),
  ]
  assert.equal((await c.engine.storeOutOfRoomMembership(invite, junk as JsonObject[])).kind, 'outlier')
  const stripped = (await c.reader.membership(roomId, carol))?.strippedState ?? []
  assert.ok(JSON.stringify(stripped).length < 70_000)
  assert.deepEqual(stripped[0], { type: 'm.room.name', state_key: '', sender: alice, content: { name: 'A room' } })
  assert.equal(stripped.at(-1)?.type, 'm.room.member')
  assert.equal(stripped.filter(({ type }) => type === 'm.room.member').length, 1)
})

test('only memberships of local users are kept, and never a join', async () => {
  const { a, b, c, alice, bob, roomId, version, invite } = await invited()
  for (const user of [alice, bob]) {
    const member = await a.reader.stateEvent(roomId, 'm.room.member', user)
    const checked = await c.check(member?.pdu.json ?? {}, version)
    assert.equal((await c.engine.storeOutOfRoomMembership(checked, [])).kind, 'refused')
  }
  const usual = await b.engine.storeOutOfRoomMembership(invite, [])
  assert.equal(usual.kind, 'accepted', 'where the room is joined it goes the usual way')
})

test('an invite kept unjudged authorises nothing: it is judged when it comes with its auth chain', async () => {
  const { a, b, c, bob, roomId, version } = await invited()
  // Bob has no power to invite once alice has raised the level; his server invites all the same, to a room it is in.
  const levels = await a.setState(roomId, a.user('alice'), 'm.room.power_levels', '', { invite: 50 })
  await b.receive((await a.pdu((await a.engine.forwardExtremities(roomId))[0] ?? assert.fail())).json, version)
  const dave = c.user('dave')
  const draft = { sender: bob, type: 'm.room.member', stateKey: dave, content: { membership: 'invite' } }
  const forged = await a.check(
    await b.craft(roomId, {
      ...draft,
      authEvents: [levels, (await b.reader.membership(roomId, bob))?.eventId ?? assert.fail()],
    }),
    version,
  )
  assert.equal((await c.engine.storeOutOfRoomMembership(forged, [])).kind, 'outlier')
  await c.joinVia(a, roomId, c.user('carol'))
  const [verdict] = await c.engine.receiveOutliers([forged])
  assert.equal(verdict?.kind, 'rejected')
})

test('joining after an invite replaces it, and the counts are those of the room', async () => {
  const { a, c, carol, roomId, invite } = await invited()
  await c.engine.storeOutOfRoomMembership(invite, [])
  await c.joinVia(a, roomId, carol)
  assert.equal((await c.reader.membership(roomId, carol))?.membership, 'join')
  assert.deepEqual(await c.reader.memberCounts(roomId), { joined: 3, invited: 0 })
  assert.equal((await c.reader.roomsOf(carol)).length, 1)
})

test('a room entered again: what the state says of the other local users takes the place of what they were told outside', async () => {
  const { a, alice, roomId, keys, version } = await twoServers()
  const c = await RoomServer.open('gamma.test', { keys })
  const [carol, dan] = [c.user('carol'), c.user('dan')]
  await c.joinVia(a, roomId, carol)
  await c.joinVia(a, roomId, dan)
  const before = await a.engine.forwardExtremities(roomId)
  await a.give(await a.setMembership(roomId, alice, dan, 'ban'), c)
  await c.give(await c.setMembership(roomId, carol, carol, 'leave'), a)
  // Made beside the ban, by somebody who does not know of it.
  const invite = { sender: alice, type: 'm.room.member', stateKey: dan, content: { membership: 'invite' } }
  const checked = await c.check(await a.craft(roomId, { ...invite, prevEvents: before }), version)
  assert.equal((await c.engine.storeOutOfRoomMembership(checked, [])).kind, 'outlier')
  assert.equal((await c.reader.membership(roomId, dan))?.membership, 'invite')
  await c.joinVia(a, roomId, carol)
  assert.equal((await c.reader.membership(roomId, dan))?.membership, 'ban')
  assert.equal((await c.reader.membership(roomId, carol))?.membership, 'join')
})

test('an invite that comes again after its end does not stand up again', async () => {
  const { a, c, alice, carol, roomId, invite, version } = await invited()
  await c.engine.storeOutOfRoomMembership(invite, [])
  const leave = await a.setMembership(roomId, alice, carol, 'leave')
  const end = await c.check((await a.pdu(leave)).json, version)
  assert.equal((await c.engine.storeOutOfRoomMembership(end, [])).kind, 'outlier')
  assert.equal((await c.engine.storeOutOfRoomMembership(invite, [])).kind, 'duplicate')
  assert.equal((await c.reader.membership(roomId, carol))?.membership, 'leave')
})

test('an invite that came while this server was in the room, and comes again when it is not, keeps its place in the DAG', async () => {
  const { a, b, alice, bob, roomId } = await twoServers()
  const dora = b.user('dora')
  const inviteId = await a.setMembership(roomId, alice, dora, 'invite')
  await a.give(inviteId, b)
  await a.give(await a.setMembership(roomId, alice, dora, 'leave'), b)
  await b.give(await b.setMembership(roomId, bob, bob, 'leave'), a)

  const late = await b.check((await a.pdu(inviteId)).json, '12')
  assert.equal((await b.engine.storeOutOfRoomMembership(late, [])).kind, 'duplicate')
  assert.equal((await b.reader.membership(roomId, dora))?.membership, 'leave')
  assert.equal((await b.engine.inDag([inviteId])).has(inviteId), true)
  assert.equal((await b.engine.events([inviteId])).get(inviteId)?.status, 'accepted')
})

test('what the room has judged of an invite outside the DAG stands when the invite comes; the rejected is not taken', async () => {
  const { a, b, alice, bob, roomId, version } = await twoServers()
  const [dora, eve] = [b.user('dora'), b.user('eve')]
  const draft = { sender: alice, type: 'm.room.member', stateKey: dora, content: { membership: 'invite' } }
  const [sound, forged] = await Promise.all([
    b.check(await a.craft(roomId, draft), version),
    b.check(await a.craft(roomId, { ...draft, stateKey: eve, authEvents: [] }), version),
  ])
  const [first, second] = await b.engine.receiveOutliers([sound, forged])
  assert.deepEqual([first?.kind, second?.kind], ['outlier', 'rejected'])
  await b.setMembership(roomId, bob, bob, 'leave')

  assert.equal((await b.engine.storeOutOfRoomMembership(sound, [])).kind, 'outlier')
  assert.equal((await b.reader.membership(roomId, dora))?.membership, 'invite')
  assert.equal((await b.engine.events([sound.pdu.eventId])).get(sound.pdu.eventId)?.status, 'outlier')
  assert.equal((await b.engine.storeOutOfRoomMembership(forged, [])).kind, 'rejected')
  assert.equal(await b.reader.membership(roomId, eve), undefined)
})
