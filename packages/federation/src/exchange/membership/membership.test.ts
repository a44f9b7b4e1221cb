import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import { withoutKeys } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode } from '../../../test/exchange-network.ts'
import type { RoomSender } from '../../contracts.ts'
import { RoomError } from '../../room/room-error.ts'

const INVITE_ONLY = [{ type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } }]

for (const version of ['10', '11', '12']) {
  test(`invite, join, messages both ways, the same state on both (room version ${version})`, async (t) => {
    const network = new ExchangeNetwork()
    t.after(() => network.stop())
    const a = await network.add('a')
    const b = await network.add('b')
    const roomId = await a.rooms.createRoom(a.user(), version, INVITE_ONLY)
    await a.rooms.message(roomId, a.user(), 'before')
    const { eventId } = await a.invite(roomId, b.user())
    assert.ok(eventId)
    assert.equal(await b.membership(roomId, b.user()), 'invite')
    const signatures = (await a.rooms.pdu(eventId)).json.signatures
    assert.deepEqual(Object.keys(signatures).sort(), ['a', 'b'])

    await b.join(roomId)
    await network.settled()
    assert.equal(await a.membership(roomId, b.user()), 'join')
    await a.rooms.message(roomId, a.user(), 'from a')
    await network.settled()
    await b.rooms.message(roomId, b.user(), 'from b')
    await network.settled()
    assert.deepEqual(await a.rooms.stateOf(roomId), await b.rooms.stateOf(roomId))
    assert.deepEqual((await b.rooms.bodies(roomId)).slice(-2), ['from a', 'from b'])
    assert.deepEqual((await a.rooms.bodies(roomId)).slice(-2), ['from a', 'from b'])
  })
}

const KNOCK = [{ type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'knock' } }]

async function networkOf(t: TestContext, ...names: string[]) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const nodes: ExchangeNode[] = []
  for (const name of names) nodes.push(await network.add(name))
  return { network, nodes: nodes as [ExchangeNode, ExchangeNode, ExchangeNode] }
}

const rejectsWith = (code: string) => (error: unknown) => error instanceof RoomError && error.code === code

test('an invite to a server that is away reaches it when it is met', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  network.cut(a, b)
  const { eventId } = await a.invite(roomId, b.user())
  assert.ok(eventId)
  assert.equal(await a.membership(roomId, b.user()), 'invite')
  assert.equal(await b.membership(roomId, b.user()), undefined)
  assert.equal(a.outbox.length, 1)

  await network.join(a, b)
  assert.equal(await b.membership(roomId, b.user()), 'invite')
  assert.equal(a.outbox.length, 0)
  await b.join(roomId)
  await network.settled()
  assert.equal(await a.membership(roomId, b.user()), 'join')
})

test('an invite that a crash kept from the outbox is delivered when it is asked for again', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  let crashes = true
  const sender: RoomSender = {
    publish: async () => ({ recipients: 0 }),
    enqueueRequest: async (...request) => {
      if (crashes) throw new Error('the process ends here')
      await a.enqueueRequest(...request)
    },
  }
  const a = await network.add('a', { parts: { sender } })
  const b = await network.add('b')
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  network.cut(a, b)
  await assert.rejects(a.invite(roomId, b.user()), { message: 'the process ends here' })
  assert.equal(await a.membership(roomId, b.user()), 'invite')
  crashes = false
  assert.deepEqual(await a.invite(roomId, b.user()), { eventId: undefined })
  await network.join(a, b)
  assert.equal(await b.membership(roomId, b.user()), 'invite')
})

test('an invite that the invited server refuses does not enter the room', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b', { parts: { invitePolicy: async () => 'block' } })
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  await assert.rejects(a.invite(roomId, b.user()), rejectsWith('forbidden'))
  assert.equal(await a.membership(roomId, b.user()), undefined)
})

test('an answer to an invite that is another event or not signed is not taken over', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b', {
    tamper: async ({ uri, content }, honest) => {
      if (!uri.includes('/v2/invite/')) return honest()
      const event = content?.event as JsonObject
      return { event: { ...event, content: { membership: 'invite', displayname: 'forged' } } }
    },
  })
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  const { eventId } = await a.invite(roomId, b.user())
  assert.ok(eventId)
  const pdu = await a.rooms.pdu(eventId)
  assert.deepEqual(pdu.content, { membership: 'invite' })
  assert.deepEqual(Object.keys(pdu.json.signatures), ['a'])
})

test('repeated and pointless changes: no new event, or forbidden', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  await a.invite(roomId, b.user())
  assert.deepEqual(await a.invite(roomId, b.user()), { eventId: undefined })
  await b.join(roomId)
  await network.settled()
  assert.deepEqual(await b.join(roomId), { eventId: undefined })
  await assert.rejects(a.invite(roomId, b.user()), rejectsWith('forbidden'))
  await b.leave(roomId)
  assert.deepEqual(await b.leave(roomId), { eventId: undefined })
  await assert.rejects(b.join(roomId, [a]), rejectsWith('forbidden'))
  await assert.rejects(b.invite(roomId, a.user('other'), b.user()), rejectsWith('forbidden'))
  await assert.rejects(a.leave(roomId, a.user('stranger')), rejectsWith('forbidden'))
})

test('joins try one server after the other', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const liar = await network.add('liar', { tamper: async () => ({ room_version: '12', event: {} }) })
  const b = await network.add('b')
  const away = await network.add('away')
  network.isolate(away)
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [away, liar, a])
  assert.equal(await b.membership(roomId, b.user()), 'join')
})

test('joins say why they fail', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const closed = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  await assert.rejects(b.join(closed, [a]), rejectsWith('forbidden'))
  await assert.rejects(b.join(`!${'x'.repeat(43)}` as RoomId, [a]), rejectsWith('unknown-room'))
  network.cut(a, b)
  await assert.rejects(b.join(closed, [a]), rejectsWith('unreachable'))
})

test('a join of a room version that is not supported here says so', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b', { parts: { versions: ['10'] } })
  const roomId = await a.rooms.createRoom(a.user())
  await assert.rejects(b.join(roomId, [a]), rejectsWith('incompatible-room-version'))
})

test('two users of one server join at once: one import, one local join', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user())
  await Promise.all([b.join(roomId, [a], b.user('one')), b.join(roomId, [a], b.user('two'))])
  await network.settled()
  assert.equal(network.requests.filter(({ uri }) => uri.includes('/send_join/')).length, 1)
  assert.equal(await a.membership(roomId, b.user('one')), 'join')
  assert.equal(await a.membership(roomId, b.user('two')), 'join')
})

test('an invite is rejected while its server is there', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  await a.invite(roomId, b.user())
  await b.leave(roomId)
  await network.settled()
  assert.equal(await b.membership(roomId, b.user()), 'leave')
  assert.equal(await a.membership(roomId, b.user()), 'leave')
})

test('an invite is rejected through another member while the inviter is away', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b', 'c')
  const [a, b, c] = nodes
  const roomId = await a.rooms.createRoom(a.user())
  await c.join(roomId, [a])
  await a.invite(roomId, b.user())
  await network.settled()
  network.cut(a, b)
  await b.change({ roomId, sender: b.user(), target: b.user(), membership: 'leave', via: [c.name] })
  await network.settled()
  assert.equal(await c.membership(roomId, b.user()), 'leave')
  assert.equal(await a.membership(roomId, b.user()), 'leave')
})

test('an invite is rejected while nobody is there: left here at once, told when the inviter is met', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  await a.invite(roomId, b.user())
  network.cut(a, b)
  await b.leave(roomId)
  assert.equal(await b.membership(roomId, b.user()), 'leave')
  assert.equal(await a.membership(roomId, b.user()), 'invite')
  await network.join(a, b)
  assert.equal(await a.membership(roomId, b.user()), 'leave')
  const asked = network.requests.length
  await b.exchange.reconcile(a.name)
  const again = network.requests.slice(asked).filter(({ uri }) => uri.includes('/make_leave/'))
  assert.deepEqual(again, [], 'told once')
})

test('the heartbeat tells of rejected invites, though no room is shared', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  await a.invite(roomId, b.user())
  network.cut(a, b)
  await b.leave(roomId)
  b.timers.fire()
  await network.settled()
  assert.equal(await a.membership(roomId, b.user()), 'invite')
  network.restore(a, b)
  b.timers.fire()
  await network.settled()
  assert.equal(await a.membership(roomId, b.user()), 'leave')
})

test('who was invited again meanwhile is not made to leave', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b', 'c')
  const [a, b, c] = nodes
  const roomId = await a.rooms.createRoom(a.user())
  await c.join(roomId, [a])
  await a.invite(roomId, b.user())
  await network.settled()
  network.isolate(b)
  await b.change({ roomId, sender: b.user(), target: b.user(), membership: 'leave', via: [c.name] })
  await network.join(b, c)
  assert.equal(await c.membership(roomId, b.user()), 'leave', 'c passed it on')
  await c.invite(roomId, b.user(), c.user())
  await network.join(a, b)
  assert.equal(await b.membership(roomId, b.user()), 'invite')
})

test('knock, invite as the answer, join', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', [
    ...KNOCK,
    { type: 'm.room.name', stateKey: '', content: { name: 'the room' } },
  ])
  await b.change({ roomId, sender: b.user(), target: b.user(), membership: 'knock', via: [a.name] })
  assert.equal(await a.membership(roomId, b.user()), 'knock')
  const view = await b.rooms.reader.membership(roomId, b.user())
  assert.equal(view?.membership, 'knock')
  assert.ok(view.strippedState.some((event) => event.type === 'm.room.name'))
  await a.invite(roomId, b.user())
  assert.equal(await b.membership(roomId, b.user()), 'invite')
  await b.join(roomId)
  await network.settled()
  assert.equal(await a.membership(roomId, b.user()), 'join')
})

test('a knock is denied, and one is retracted', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', KNOCK)
  const knock = (user: UserId) => b.change({ roomId, sender: user, target: user, membership: 'knock', via: [a.name] })
  await knock(b.user())
  await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'leave', reason: 'no' })
  await network.settled()
  assert.equal(await b.membership(roomId, b.user()), 'leave')
  await knock(b.user('second'))
  await b.leave(roomId, b.user('second'))
  assert.equal(await a.membership(roomId, b.user('second')), 'leave')
  const closed = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  const refused = b.change({ roomId: closed, sender: b.user(), target: b.user(), membership: 'knock', via: [a.name] })
  await assert.rejects(refused, rejectsWith('forbidden'))
})

test('kicked, banned and disinvited users of other servers hear of it', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await a.invite(roomId, b.user('guest'))
  await network.settled()
  await a.change({ roomId, sender: a.user(), target: b.user('guest'), membership: 'leave' })
  await network.settled()
  assert.equal(await b.membership(roomId, b.user('guest')), 'leave')
  await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'ban' })
  await network.settled()
  assert.equal(await b.membership(roomId, b.user()), 'ban')
  await assert.rejects(b.join(roomId, [a]), rejectsWith('forbidden'))
  await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'leave' })
  await network.settled()
  await b.join(roomId, [a])
  assert.equal(await b.membership(roomId, b.user()), 'join')
})

test('an invite is taken back while the invited server is away: it hears of both when met', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const roomId = await a.rooms.createRoom(a.user(), '12', INVITE_ONLY)
  await a.invite(roomId, b.user())
  network.cut(a, b)
  await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'leave' })
  assert.equal(await b.membership(roomId, b.user()), 'invite')
  await network.join(a, b)
  assert.equal(await b.membership(roomId, b.user()), 'leave')
})

test('a stranger cannot take back an invite of another', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b', 'c')
  const [a, b, c] = nodes
  const roomId = await a.rooms.createRoom(a.user())
  await c.join(roomId, [a])
  const { eventId } = await a.invite(roomId, b.user())
  await network.settled()
  const invite = await a.rooms.pdu(eventId as EventId)
  const forged = c.engine.finish(
    {
      ...withoutKeys(invite.json, 'signatures', 'hashes'),
      sender: c.user(),
      content: { membership: 'leave' },
      prev_events: [invite.eventId],
    },
    '12',
  )
  const verdict = await b.hear(forged.pdu.json, roomId, c.name)
  assert.equal(verdict.kind, 'refused')
  assert.equal(await b.membership(roomId, b.user()), 'invite')
})

test('the last user leaves while only one member is in reach: all hear of it in the end', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b', 'c')
  const [a, b, c] = nodes
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await c.join(roomId, [a])
  await network.settled()
  network.isolate(b)
  await b.leave(roomId)
  await network.join(b, c)
  await network.settled()
  assert.equal(await c.membership(roomId, b.user()), 'leave')
  assert.equal(await a.membership(roomId, b.user()), 'leave')
})

async function restrictedRoom(a: ExchangeNode, allowed: RoomId): Promise<RoomId> {
  const allow = [{ type: 'm.room_membership', room_id: allowed }]
  return a.rooms.createRoom(a.user(), '12', [
    { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'restricted', allow } },
  ])
}

test('restricted room: members of the named room join, signed by the resident server', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b', 'c')
  const [a, b, c] = nodes
  const club = await a.rooms.createRoom(a.user())
  const roomId = await restrictedRoom(a, club)
  await assert.rejects(b.join(roomId, [a]), rejectsWith('forbidden'))
  await b.join(club, [a])
  await network.settled()
  const { eventId } = await b.join(roomId, [a])
  await network.settled()
  const join = await b.rooms.pdu(eventId as EventId)
  assert.equal(join.content.join_authorised_via_users_server, a.user())
  assert.deepEqual(Object.keys(join.json.signatures).sort(), ['a', 'b'])
  assert.equal(await a.membership(roomId, b.user()), 'join')
  // A second user of b: b has nobody who may invite, so a is asked again although b is in the room.
  await b.join(club, [], b.user('second'))
  await network.settled()
  await a.rooms.setState(roomId, a.user(), 'm.room.power_levels', '', { invite: 50 })
  await network.settled()
  await b.join(roomId, [a], b.user('second'))
  await network.settled()
  assert.equal(await a.membership(roomId, b.user('second')), 'join')
  await assert.rejects(c.join(roomId, [b, a]), rejectsWith('forbidden'))
})

test('bad input 27: a forged join_authorised_via_users_server is refused', async (t) => {
  const { network, nodes } = await networkOf(t, 'a', 'b')
  const [a, b] = nodes
  const club = await a.rooms.createRoom(a.user())
  const roomId = await restrictedRoom(a, club)
  const open = await a.rooms.createRoom(a.user())
  await b.join(open, [a])
  await network.settled()
  const forged = b.engine.finish(
    {
      ...(await a.engine.template({ roomId, sender: a.user(), type: 'm.room.message', content: {} })),
      type: 'm.room.member',
      sender: b.user(),
      state_key: b.user(),
      content: { membership: 'join', join_authorised_via_users_server: a.user() },
    },
    '12',
  )
  const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(forged.pdu.eventId)}`
  await assert.rejects(a.ask(b, 'PUT', uri, forged.pdu.json), { errcode: 'M_FORBIDDEN' })
  assert.equal(await a.membership(roomId, b.user()), undefined)
})
