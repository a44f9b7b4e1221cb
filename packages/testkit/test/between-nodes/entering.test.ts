import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { eventually, type OwnerClient } from '@starling/testkit'
import { Follower } from './follower.ts'
import {
  assertRefused,
  createRoom,
  inRoom,
  invite,
  join,
  joinRule,
  membershipIs,
  type Resident,
  registerResident,
  say,
  sees,
  setState,
  stateContent,
  trySaying,
  tryToJoin,
} from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

suite('between two nodes: restricted rooms, knocks, invites, kicks and bans', () => {
  const nodes = twoNodes()
  /** On Bob's node. */
  let dora: Resident
  before(async () => {
    dora = await registerResident(nodes().other, 'dora')
  })

  test('a restricted room lets in who is in its space, in the name of who may invite, and nobody else', async () => {
    const { ada, adaId, bob, other, via } = nodes()
    const space = await openSpace(ada)
    const roomId = await createRoom(ada, { preset: 'private_chat', initial_state: [joinRule('restricted', space)] })
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')
    await join(bob.client, space, via)
    await membershipIs(ada, space, bob.id, 'join')
    const follower = await Follower.start(ada, { event_format: 'federation' })
    await join(bob.client, roomId, via)
    for (const client of [ada, bob.client]) {
      const content = await membershipIs(client, roomId, bob.id, 'join')
      assert.equal(content.join_authorised_via_users_server, adaId)
    }
    const joined = await follower.until('the join as it came', ({ rooms }) => {
      const events = rooms?.join?.[roomId]?.timeline.events ?? []
      return events.find(({ sender, type }) => sender === bob.id && type === 'm.room.member')
    })
    const { signatures } = joined as unknown as { signatures: object }
    assert.deepEqual(Object.keys(signatures).sort(), [via, other.info.server_name].sort(), 'both servers signed it')

    assertRefused(await tryToJoin(dora.client, roomId, via), 403, 'M_FORBIDDEN')
    await join(dora.client, space)
    await membershipIs(ada, space, dora.id, 'join')
    await join(dora.client, roomId)
    const second = await membershipIs(ada, roomId, dora.id, 'join')
    assert.equal(second.join_authorised_via_users_server, bob.id, 'who is in the room at her own node lets her in')
  })

  test('who leaves the space stays in its room, and does not come back once out', async () => {
    const { ada, bob, via } = nodes()
    const space = await openSpace(ada)
    const roomId = await createRoom(ada, { preset: 'private_chat', initial_state: [joinRule('restricted', space)] })
    for (const room of [space, roomId]) {
      await join(bob.client, room, via)
      await membershipIs(ada, room, bob.id, 'join')
    }
    await leave(bob.client, space)
    await membershipIs(ada, space, bob.id, 'leave')
    await sees(ada, roomId, await say(bob.client, roomId, 'still here'))
    await leave(bob.client, roomId)
    await membershipIs(ada, roomId, bob.id, 'leave')
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')
    await invite(ada, roomId, bob.id)
    await eventually(
      'the invite lets him in all the same',
      async () => (await tryToJoin(bob.client, roomId)).status === 200,
    )
    const content = await membershipIs(ada, roomId, bob.id, 'join')
    assert.equal(content.join_authorised_via_users_server, undefined)
  })

  test('a knock_restricted room is entered by who is in the space, others knock', async () => {
    const { ada, adaId, bob, via } = nodes()
    const space = await openSpace(ada)
    const roomId = await createRoom(ada, {
      preset: 'private_chat',
      initial_state: [joinRule('knock_restricted', space)],
    })
    await join(bob.client, space, via)
    await membershipIs(ada, space, bob.id, 'join')
    assertRefused(await tryToJoin(dora.client, roomId, via), 403, 'M_FORBIDDEN')
    await knock(dora.client, roomId, via)
    await membershipIs(ada, roomId, dora.id, 'knock')
    await join(bob.client, roomId, via)
    assert.equal((await membershipIs(ada, roomId, bob.id, 'join')).join_authorised_via_users_server, adaId)
    await invite(ada, roomId, dora.id)
    await membershipIs(bob.client, roomId, dora.id, 'invite')
    await join(dora.client, roomId)
    for (const client of [ada, bob.client]) await membershipIs(client, roomId, dora.id, 'join')
  })

  test('a knock is seen with its reason, shows its room, and is accepted', async () => {
    const { ada, bob, via } = nodes()
    const roomId = await knockRoom(ada, 'Behind the door')
    const follower = await Follower.start(bob.client)
    await knock(bob.client, roomId, via, 'it is me')
    assert.equal((await membershipIs(ada, roomId, bob.id, 'knock')).reason, 'it is me')
    const shown = await follower.until('the knock', ({ rooms }) => rooms?.knock?.[roomId]?.knock_state.events)
    assert.equal(shown.find(({ type }) => type === 'm.room.name')?.content.name, 'Behind the door')
    assert.equal(shown.find(({ type, state_key }) => type === 'm.room.member' && state_key === bob.id)?.sender, bob.id)
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')
    assertRefused(await bob.client.call('GET', inRoom(roomId, 'messages?dir=b')), 403, 'M_FORBIDDEN')
    await invite(ada, roomId, bob.id)
    await follower.until('the invite', ({ rooms }) => rooms?.invite?.[roomId])
    await join(bob.client, roomId)
    await membershipIs(ada, roomId, bob.id, 'join')
    await sees(bob.client, roomId, await say(ada, roomId, 'come in'))
  })

  test('a knock is refused, taken back, and not to be made where the room is closed', async () => {
    const { ada, bob, via } = nodes()
    const roomId = await knockRoom(ada, 'Not for you')
    const follower = await Follower.start(bob.client)
    await knock(bob.client, roomId, via)
    await membershipIs(ada, roomId, bob.id, 'knock')
    await ada.ok('POST', inRoom(roomId, 'kick'), { user_id: bob.id, reason: 'no' })
    await follower.until('the refusal', ({ rooms }) => rooms?.leave?.[roomId])
    assert.equal((await follower.anew()).rooms?.knock?.[roomId], undefined)
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')

    await knock(dora.client, roomId, via)
    await membershipIs(ada, roomId, dora.id, 'knock')
    await leave(dora.client, roomId)
    await membershipIs(ada, roomId, dora.id, 'leave')
    await knock(dora.client, roomId, via)
    await membershipIs(ada, roomId, dora.id, 'knock')

    await ada.ok('POST', inRoom(roomId, 'ban'), { user_id: bob.id })
    await eventually(
      'who is banned cannot knock',
      async () => (await tryToKnock(bob.client, roomId, via)).status === 403,
    )
    const closed = await createRoom(ada, { preset: 'private_chat' })
    assertRefused(await tryToKnock(bob.client, closed, via), 403, 'M_FORBIDDEN')
    assert.equal(await stateContent(ada, closed, 'm.room.member', bob.id), undefined)
  })

  test('an invite shows who asks whereto; it is refused, taken back, given again', async () => {
    const { ada, adaId, bob, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'private_chat', name: 'Parlour' })
    const follower = await Follower.start(bob.client)
    await invite(ada, roomId, bob.id)
    const shown = await follower.until('the invite', ({ rooms }) => rooms?.invite?.[roomId]?.invite_state.events)
    assert.equal(shown.find(({ type }) => type === 'm.room.name')?.content.name, 'Parlour')
    assert.equal(shown.find(({ type, state_key }) => type === 'm.room.member' && state_key === bob.id)?.sender, adaId)
    await leave(bob.client, roomId)
    await membershipIs(ada, roomId, bob.id, 'leave')
    await follower.until('the refusal', ({ rooms }) => rooms?.leave?.[roomId])
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')

    await invite(ada, roomId, bob.id)
    await follower.until('the second invite', ({ rooms }) => rooms?.invite?.[roomId])
    await ada.ok('POST', inRoom(roomId, 'kick'), { user_id: bob.id })
    await follower.until('that it was taken back', ({ rooms }) => rooms?.leave?.[roomId])
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')

    await invite(ada, roomId, bob.id)
    await follower.until('the third invite', ({ rooms }) => rooms?.invite?.[roomId])
    await join(bob.client, roomId)
    await membershipIs(ada, roomId, bob.id, 'join')
    assertRefused(await ada.call('POST', inRoom(roomId, 'invite'), { user_id: bob.id }), 403, 'M_FORBIDDEN')
  })

  test('who is kicked is out at once at both nodes, and comes back by a new invite only', async () => {
    const { ada, adaId, bob, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'private_chat', invite: [bob.id] })
    await join(bob.client, roomId)
    await membershipIs(ada, roomId, bob.id, 'join')
    assertRefused(await bob.client.call('POST', inRoom(roomId, 'kick'), { user_id: adaId }), 403, 'M_FORBIDDEN')
    const follower = await Follower.start(bob.client)
    await ada.ok('POST', inRoom(roomId, 'kick'), { user_id: bob.id, reason: 'enough' })
    const left = await follower.until('the kick', ({ rooms }) => rooms?.leave?.[roomId]?.timeline.events.at(-1))
    assert.deepEqual([left.sender, left.content.membership, left.content.reason], [adaId, 'leave', 'enough'])
    assertRefused(await trySaying(bob.client, roomId, 'no'), 403, 'M_FORBIDDEN')
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')
    const missed = await say(ada, roomId, 'behind his back')
    await invite(ada, roomId, bob.id)
    await follower.until('the new invite', ({ rooms }) => rooms?.invite?.[roomId])
    await join(bob.client, roomId)
    await sees(ada, roomId, await say(bob.client, roomId, 'back again'))
    await sees(bob.client, roomId, missed)
  })

  test('who is banned is neither invited nor let in until the ban is lifted', async () => {
    const { ada, adaId, bob, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'public_chat' })
    await join(bob.client, roomId, via)
    await membershipIs(ada, roomId, bob.id, 'join')
    const follower = await Follower.start(bob.client)
    await ada.ok('POST', inRoom(roomId, 'ban'), { user_id: bob.id, reason: 'spam' })
    const left = await follower.until('the ban', ({ rooms }) => rooms?.leave?.[roomId]?.timeline.events.at(-1))
    assert.deepEqual([left.sender, left.content.membership, left.content.reason], [adaId, 'ban', 'spam'])
    assertRefused(await tryToJoin(bob.client, roomId, via), 403, 'M_FORBIDDEN')
    assertRefused(await trySaying(bob.client, roomId, 'no'), 403, 'M_FORBIDDEN')
    assertRefused(await ada.call('POST', inRoom(roomId, 'invite'), { user_id: bob.id }), 403, 'M_FORBIDDEN')
    await join(dora.client, roomId, via)
    await membershipIs(ada, roomId, dora.id, 'join')
    await membershipIs(dora.client, roomId, bob.id, 'ban')
    assertRefused(await tryToJoin(bob.client, roomId), 403, 'M_FORBIDDEN')

    await ada.ok('POST', inRoom(roomId, 'unban'), { user_id: bob.id })
    await membershipIs(dora.client, roomId, bob.id, 'leave')
    await join(bob.client, roomId, via)
    await membershipIs(ada, roomId, bob.id, 'join')
    await sees(ada, roomId, await say(bob.client, roomId, 'forgiven'))
  })

  test('nobody is invited by mail: refused at both nodes, and the room shows nothing of it', async () => {
    const { ada, bob } = nodes()
    const roomId = await createRoom(ada, { preset: 'trusted_private_chat', invite: [bob.id] })
    await join(bob.client, roomId)
    await membershipIs(ada, roomId, bob.id, 'join')
    const thirdParty = { id_server: 'id.example', id_access_token: 'x', medium: 'email', address: 'eve@example.org' }
    for (const client of [ada, bob.client]) {
      assertRefused(await client.call('POST', inRoom(roomId, 'invite'), thirdParty), 403, 'M_THREEPID_DENIED')
      const types = (await client.stateOf(roomId)).map(({ type }) => type)
      assert.ok(!types.includes('m.room.third_party_invite'))
    }
  })
})

function openSpace(client: OwnerClient): Promise<string> {
  return createRoom(client, { preset: 'public_chat', creation_content: { type: 'm.space' } })
}

async function knockRoom(client: OwnerClient, name: string): Promise<string> {
  const roomId = await createRoom(client, { preset: 'private_chat', name })
  await setState(client, roomId, 'm.room.join_rules', { join_rule: 'knock' })
  return roomId
}

async function knock(client: OwnerClient, roomId: string, via: string, reason?: string): Promise<void> {
  const { status, body } = await tryToKnock(client, roomId, via, reason)
  assert.equal(status, 200, JSON.stringify(body))
}

function tryToKnock(client: OwnerClient, roomId: string, via: string, reason?: string) {
  return client.call('POST', `knock/${encodeURIComponent(roomId)}?via=${via}`, { ...(reason && { reason }) })
}

async function leave(client: OwnerClient, roomId: string): Promise<void> {
  await client.ok('POST', inRoom(roomId, 'leave'), {})
}
