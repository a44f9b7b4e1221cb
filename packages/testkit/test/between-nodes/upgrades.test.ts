import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { eventually } from '@starling/testkit'
import {
  assertRefused,
  createRoom,
  inRoom,
  invite,
  join,
  membershipIs,
  registerResident,
  say,
  sees,
  stateContent,
  trySaying,
  tryToJoin,
} from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

suite('between two nodes: upgraded rooms', () => {
  const nodes = twoNodes()

  test('an upgraded room is followed over: tombstone, predecessor, alias, directory, bans; who was in it stays named', async () => {
    const { ada, bob, other, via } = nodes()
    const dora = await registerResident(other, 'dora')
    const old = await createRoom(ada, {
      ...{ preset: 'public_chat', visibility: 'public', room_version: '11' },
      ...{ name: 'Old house', room_alias_name: 'house' },
    })
    const alias = encodeURIComponent(`#house:${via}`)
    await join(bob.client, old, via)
    await membershipIs(ada, old, bob.id, 'join')
    await ada.ok('POST', inRoom(old, 'ban'), { user_id: dora.id })
    assertRefused(await bob.client.call('POST', inRoom(old, 'upgrade'), { new_version: '12' }), 403, 'M_FORBIDDEN')
    assertRefused(
      await ada.call('POST', inRoom(old, 'upgrade'), { new_version: 'none' }),
      400,
      'M_UNSUPPORTED_ROOM_VERSION',
    )
    const upgraded = (await ada.ok('POST', inRoom(old, 'upgrade'), { new_version: '12' })).replacement_room as string
    const tombstone = await eventually('the tombstone', () => stateContent(bob.client, old, 'm.room.tombstone'))
    assert.equal(tombstone.replacement_room, upgraded)
    await eventually(
      'he does not talk in the old room any more',
      async () => (await trySaying(bob.client, old, 'no')).status === 403,
    )
    await membershipIs(bob.client, old, bob.id, 'join')
    assert.equal((await bob.client.ok('GET', `directory/room/${alias}`)).room_id, upgraded)
    const listed = await bob.client.ok('GET', `publicRooms?server=${via}`)
    assert.deepEqual(
      (listed.chunk as { room_id: string }[]).map(({ room_id }) => room_id),
      [upgraded],
    )

    await join(bob.client, upgraded, via)
    for (const client of [ada, bob.client]) {
      const create = await stateContent(client, upgraded, 'm.room.create')
      assert.deepEqual([create?.room_version, create?.predecessor], ['12', { room_id: old }])
      assert.equal((await stateContent(client, upgraded, 'm.room.name'))?.name, 'Old house')
      await membershipIs(client, upgraded, bob.id, 'join')
      await membershipIs(client, upgraded, dora.id, 'ban')
    }
    assertRefused(await tryToJoin(dora.client, upgraded, via), 403, 'M_FORBIDDEN')
    await sees(ada, upgraded, await say(bob.client, upgraded, 'moved in'))
    await sees(bob.client, upgraded, await say(ada, upgraded, 'welcome'))
  })

  test('an upgraded private room is entered from the other node by invite only', async () => {
    const { ada, bob, via } = nodes()
    const old = await createRoom(ada, { preset: 'private_chat', invite: [bob.id] })
    await join(bob.client, old)
    await membershipIs(ada, old, bob.id, 'join')
    const upgraded = (await ada.ok('POST', inRoom(old, 'upgrade'), { new_version: '12' })).replacement_room as string
    await eventually('the tombstone', () => stateContent(bob.client, old, 'm.room.tombstone'))
    assertRefused(await tryToJoin(bob.client, upgraded, via), 403, 'M_FORBIDDEN')
    await invite(ada, upgraded, bob.id)
    await eventually('the invite is there', async () => (await tryToJoin(bob.client, upgraded)).status === 200)
    await membershipIs(ada, upgraded, bob.id, 'join')
  })
})
