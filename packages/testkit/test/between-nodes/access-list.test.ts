import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { eventually } from '@starling/testkit'
import { Follower } from './follower.ts'
import {
  assertRefused,
  inRoom,
  join,
  membershipIs,
  registerResident,
  roomWith,
  say,
  sees,
  setState,
  stateContent,
  trySaying,
  tryToJoin,
} from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

suite('between two nodes: the access control list of a room', () => {
  const nodes = twoNodes()

  const setList = (roomId: string, deny: readonly string[]) =>
    setState(nodes().ada, roomId, 'm.room.server_acl', { allow: ['*'], deny })
  const denyBobsServer = (roomId: string) => setList(roomId, [nodes().other.info.server_name])
  const denyNobody = (roomId: string) => setList(roomId, [])

  test('of a denied server no event, receipt or typing is taken; all of it once the denial is lifted', async () => {
    const { ada, bob } = nodes()
    const roomId = await roomWith(ada, [bob], { preset: 'public_chat' })
    const open = await roomWith(ada, [bob], { preset: 'public_chat' })
    const anchor = await say(ada, roomId, 'before')
    await sees(bob.client, roomId, anchor)
    await sees(ada, roomId, await say(bob.client, roomId, 'taken'))
    await denyBobsServer(roomId)
    const follower = await Follower.start(ada)

    const answers = await Promise.all([
      trySaying(bob.client, roomId, 'not taken'),
      bob.client.call('POST', inRoom(roomId, `receipt/m.read/${encodeURIComponent(anchor)}`), {}),
      bob.client.call('PUT', inRoom(roomId, `typing/${encodeURIComponent(bob.id)}`), { typing: true, timeout: 60_000 }),
    ])
    for (const { status, body } of answers) assert.equal(status, 200, JSON.stringify(body))
    // The same in a room that denies nobody, after it: what arrives of that would have brought the rest.
    const fence = await say(bob.client, open, 'fence')
    await bob.client.ok('POST', inRoom(open, `receipt/m.read/${encodeURIComponent(fence)}`), {})
    await sees(ada, open, fence)
    await follower.until('the receipt in the open room', ({ rooms }) => {
      return rooms?.join?.[open]?.ephemeral.events.some(({ type }) => type === 'm.receipt')
    })
    for (const { rooms } of follower.told.slice(1)) {
      const { timeline, ephemeral } = rooms?.join?.[roomId] ?? {}
      assert.deepEqual(
        (timeline?.events ?? []).filter(({ sender }) => sender === bob.id),
        [],
      )
      assert.ok(!JSON.stringify(ephemeral ?? {}).includes(bob.id))
    }
    assert.ok(!JSON.stringify(await ada.eventsAfter(roomId, undefined)).includes('not taken'))

    await denyNobody(roomId)
    await eventually('both take part again', async () => {
      const list = await stateContent(bob.client, roomId, 'm.room.server_acl')
      return (list?.deny as unknown[] | undefined)?.length === 0
    })
    await sees(ada, roomId, await say(bob.client, roomId, 'taken again'))
    await sees(bob.client, roomId, await say(ada, roomId, 'welcome back'))
    // What was written meanwhile is a part of the room from here on, at both nodes alike.
    const expected = ['before', 'not taken', 'taken', 'taken again', 'welcome back']
    for (const client of [ada, bob.client]) {
      await eventually('the same messages at both nodes', async () => {
        const events = await client.eventsAfter(roomId, undefined)
        return isDeepStrictEqual(events.flatMap(({ content }) => content.body ?? []).sort(), expected)
      })
    }
  })

  test('a denied server’s users are neither let in nor answered, and get nothing of the room', async () => {
    const { ada, other, via } = nodes()
    const dora = await registerResident(other, 'dora')
    const roomId = await roomWith(ada, [], { preset: 'public_chat' })
    await denyBobsServer(roomId)
    assertRefused(await tryToJoin(dora.client, roomId, via), 403, 'M_FORBIDDEN')
    const knock = await dora.client.call('POST', `knock/${encodeURIComponent(roomId)}?via=${via}`, {})
    assertRefused(knock, 403, 'M_FORBIDDEN')
    assert.equal(await stateContent(ada, roomId, 'm.room.member', dora.id), undefined)
    await denyNobody(roomId)
    await join(dora.client, roomId, via)
    await membershipIs(ada, roomId, dora.id, 'join')
    await sees(ada, roomId, await say(dora.client, roomId, 'in at last'))
  })

  test('what is said while a server is denied does not reach it before it is let in again', async () => {
    const { ada, bob } = nodes()
    const roomId = await roomWith(ada, [bob], { preset: 'public_chat' })
    const open = await roomWith(ada, [bob], { preset: 'public_chat' })
    await sees(bob.client, roomId, await say(ada, roomId, 'to all'))
    await denyBobsServer(roomId)
    const secret = await say(ada, roomId, 'among ourselves')
    await sees(bob.client, open, await say(ada, open, 'fence'))
    const hidden = await bob.client.call('GET', inRoom(roomId, `event/${encodeURIComponent(secret)}`))
    assertRefused(hidden, 404, 'M_NOT_FOUND')
    await denyNobody(roomId)
    await sees(bob.client, roomId, secret)
  })
})
