import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, OwnerClient, PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'

const FLAGS = [...PRIVATE_FLAGS, '--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0']

test('a room is found in another node’s directory, and joined by its alias; who takes no invites gets none', async () => {
  await using things = new AsyncDisposableStack()
  const host = things.use(await StarlingProcess.start({ flags: FLAGS }))
  const friends = host.info.multiaddrs.join(',')
  const guest = things.use(await StarlingProcess.start({ flags: [...FLAGS, '--bootstrap', friends] }))
  const [alice, bob] = [new OwnerClient(host.ownerSession()), new OwnerClient(guest.ownerSession())]
  const server = host.info.server_name
  const room = await alice.ok('POST', 'createRoom', {
    ...{ preset: 'public_chat', visibility: 'public', name: 'Tea', room_alias_name: 'tea' },
  })
  const secret = await alice.ok('POST', 'createRoom', { preset: 'private_chat', name: 'Secret' })
  const alias = encodeURIComponent(`#tea:${server}`)
  await eventually('the nodes have met', async () => {
    return (await bob.call('GET', `profile/${encodeURIComponent(host.info.user_id)}`)).status === 200
  })
  const found = await bob.ok('GET', `directory/room/${alias}`)
  assert.deepEqual([found.room_id, found.servers], [room.room_id, [server]])
  const listed = (await bob.ok('GET', `publicRooms?server=${server}`)) as { chunk: { name: string }[] }
  assert.deepEqual(
    listed.chunk.map(({ name }) => name),
    ['Tea'],
  )
  assert.equal((await bob.call('GET', `directory/room/${encodeURIComponent(`#none:${server}`)}`)).status, 404)
  assert.equal((await bob.ok('POST', `join/${alias}`, {})).room_id, room.room_id)

  const config = `user/${encodeURIComponent(guest.info.user_id)}/account_data/m.invite_permission_config`
  await bob.ok('PUT', config, { default_action: 'block' })
  const invite = () => alice.call('POST', `rooms/${secret.room_id}/invite`, { user_id: guest.info.user_id })
  assert.equal((await invite()).status, 403)
  await bob.ok('PUT', config, { default_action: 'allow' })
  assert.equal((await invite()).status, 200)
})
