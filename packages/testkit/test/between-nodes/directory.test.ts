import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { eventually, type OwnerClient } from '@starling/testkit'
import {
  assertRefused,
  createRoom,
  inRoom,
  join,
  joinRule,
  membershipIs,
  registerResident,
  roomWith,
  sees,
  setState,
  stateContent,
  tryToJoin,
} from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

suite('between two nodes: aliases, public rooms, spaces, summaries', () => {
  const nodes = twoNodes()

  const aliasOf = (localpart: string) => `#${localpart}:${nodes().via}`
  const directory = (alias: string) => `directory/room/${encodeURIComponent(alias)}`

  test('an alias is made, resolved and joined by at the other node, and gone there once it is deleted', async () => {
    const { ada, bob, via } = nodes()
    const alias = aliasOf('garden')
    const roomId = await createRoom(ada, { preset: 'public_chat' })
    assertRefused(await bob.client.call('GET', directory(alias)), 404, 'M_NOT_FOUND')
    await ada.ok('PUT', directory(alias), { room_id: roomId })
    assert.equal((await ada.call('PUT', directory(alias), { room_id: roomId })).status, 409)
    const found = await bob.client.ok('GET', directory(alias))
    assert.deepEqual([found.room_id, found.servers], [roomId, [via]])
    assert.equal((await bob.client.ok('POST', `join/${encodeURIComponent(alias)}`, {})).room_id, roomId)
    await membershipIs(ada, roomId, bob.id, 'join')

    assertRefused(await bob.client.call('DELETE', directory(alias)), 404, 'M_NOT_FOUND')
    assertRefused(await bob.client.call('PUT', directory(aliasOf('shed')), { room_id: roomId }), 403, 'M_FORBIDDEN')
    assert.equal((await ada.call('GET', directory(alias))).status, 200, 'neither took anything away')
    await ada.ok('DELETE', directory(alias))
    for (const client of [ada, bob.client])
      assertRefused(await client.call('GET', directory(alias)), 404, 'M_NOT_FOUND')
    assertRefused(await bob.client.call('POST', `join/${encodeURIComponent(alias)}`, {}), 404, 'M_NOT_FOUND')
  })

  test('a canonical alias is checked where its server is: it must exist and lead to the room', async () => {
    const { ada, bob } = nodes()
    const [first, second] = [aliasOf('first'), aliasOf('second')]
    const roomId = await roomWith(ada, [bob], { power_level_content_override: { users: { [bob.id]: 50 } } })
    await ada.ok('PUT', directory(first), { room_id: roomId })
    await ada.ok('PUT', directory(second), { room_id: await createRoom(ada) })
    const set = (client: OwnerClient, content: object) =>
      client.call('PUT', inRoom(roomId, 'state/m.room.canonical_alias'), content)
    assertRefused(await set(bob.client, { alias: aliasOf('nowhere') }), 400, 'M_BAD_ALIAS')
    assertRefused(await set(bob.client, { alias: second }), 400, 'M_BAD_ALIAS')
    const { status, body } = await set(bob.client, { alias: first })
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual((await sees(ada, roomId, body.event_id as string)).content, { alias: first })
    assert.deepEqual(await stateContent(bob.client, roomId, 'm.room.canonical_alias'), { alias: first })
  })

  test('public rooms of the other node are paged, searched and told apart by type', async () => {
    const { ada, bob, via: server } = nodes()
    const names = ['Tea one', 'Tea two', 'Coffee']
    const rooms = [
      ...(await Promise.all(names.map((name) => createRoom(ada, publicRoom(name))))),
      await createRoom(ada, { ...publicRoom('Tea space'), creation_content: { type: 'm.space' } }),
    ]
    await createRoom(ada, { preset: 'public_chat', name: 'Tea unpublished' })
    const query = (body: object) => bob.client.ok('POST', `publicRooms?server=${server}`, body)
    const idsOf = ({ chunk }: Record<string, unknown>) => (chunk as { room_id: string }[]).map((room) => room.room_id)

    const paged: string[] = []
    for (let since: unknown, pages = 0; pages === 0 || since !== undefined; pages++) {
      const page = await bob.client.ok('GET', `publicRooms?server=${server}&limit=3${since ? `&since=${since}` : ''}`)
      assert.ok(idsOf(page).length <= 3)
      assert.equal(page.total_room_count_estimate, rooms.length)
      paged.push(...idsOf(page))
      since = page.next_batch
    }
    assert.deepEqual(paged.sort(), [...rooms].sort())
    assert.deepEqual(idsOf(await ada.ok('GET', 'publicRooms')).sort(), paged, 'as its own node lists them')
    const teas = await query({ filter: { generic_search_term: 'tea' } })
    assert.deepEqual(idsOf(teas).sort(), [rooms[0], rooms[1], rooms[3]].sort())
    assert.deepEqual(idsOf(await query({ filter: { room_types: ['m.space'] } })), [rooms[3]])
    const plain = await query({ filter: { generic_search_term: 'tea', room_types: [null] } })
    assert.deepEqual(idsOf(plain).sort(), [rooms[0], rooms[1]].sort())
    assert.deepEqual(idsOf(await bob.client.ok('GET', 'publicRooms')), [], 'nothing of it is its own')

    await ada.ok('PUT', `directory/list/room/${encodeURIComponent(rooms[0] ?? '')}`, { visibility: 'private' })
    assert.deepEqual(idsOf(await query({ filter: { generic_search_term: 'tea one' } })), [])
  })

  test('a page token or server that is none is refused; a server that nobody meets is answered for by no list', async () => {
    const { bob, via: server } = nodes()
    const list = (query: string) => bob.client.call('GET', `publicRooms?${query}`)
    assertRefused(await list(`server=${server}&since=nonsense`), 400, 'M_BAD_JSON')
    assertRefused(await list('server=%20'), 400, 'M_INVALID_PARAM')
    const nobody = await list('server=nobody.invalid')
    assert.ok(nobody.status >= 400 && nobody.body.chunk === undefined, JSON.stringify(nobody))
  })

  test('a space is walked over rooms that only the other node is in; what is closed to the asker stays hidden', async () => {
    const { ada, bob, via: server } = nodes()
    const via = { via: [server] }
    const space = async (name: string, more: object = {}) =>
      createRoom(ada, { preset: 'public_chat', name, creation_content: { type: 'm.space' }, ...more })
    const top = await space('Top')
    const inner = await space('Inner')
    const deep = await createRoom(ada, { preset: 'public_chat', name: 'Deep', topic: 'below' })
    const secret = await createRoom(ada, { preset: 'private_chat', name: 'Secret' })
    const forMembers = await createRoom(ada, {
      ...{ preset: 'private_chat', name: 'For members' },
      initial_state: [joinRule('restricted', top)],
    })
    for (const child of [inner, secret, forMembers]) await setState(ada, top, 'm.space.child', via, child)
    await setState(ada, inner, 'm.space.child', { ...via, suggested: true }, deep)

    assert.deepEqual(await hierarchy(ada, top), ['Top', 'Inner', 'Deep', 'Secret', 'For members'].sort())
    const closed = await bob.client.call('GET', `/_matrix/client/v1/${inRoom(secret, 'hierarchy')}`)
    assertRefused(closed, 403, 'M_FORBIDDEN')
    // Joining the space is what lets him know of its rooms for members; nobody of his node is in any of the others.
    await join(bob.client, top, server)
    await membershipIs(ada, top, bob.id, 'join')
    assert.deepEqual(await hierarchy(bob.client, top), ['Top', 'Inner', 'Deep', 'For members'].sort())
    assert.deepEqual(await hierarchy(bob.client, top, '&max_depth=1'), ['Top', 'Inner', 'For members'].sort())
    assert.deepEqual(await hierarchy(bob.client, top, '&suggested_only=true'), ['Top'])
    await setState(ada, top, 'm.space.child', {}, inner)
    await eventually('the child that was taken out is gone from the walk', async () => {
      return (await hierarchy(bob.client, top)).join() === 'For members,Top'
    })
  })

  test('a room is summarised at the other node before anybody there enters it, if they may know of it', async () => {
    const { ada, bob, other, via } = nodes()
    const summary = (client: OwnerClient, named: string) =>
      client.call('GET', `/_matrix/client/v1/room_summary/${encodeURIComponent(named)}?via=${via}`)
    const open = await createRoom(ada, {
      ...{ preset: 'public_chat', name: 'Open', topic: 'to all', room_alias_name: 'open' },
    })
    const closed = await createRoom(ada, { preset: 'private_chat', name: 'Closed', room_alias_name: 'closed' })
    for (const named of [open, aliasOf('open')]) {
      const { status, body } = await summary(bob.client, named)
      assert.equal(status, 200, JSON.stringify(body))
      assert.deepEqual(
        [body.room_id, body.name, body.topic, body.num_joined_members, body.join_rule, body.membership],
        [open, 'Open', 'to all', 1, 'public', 'leave'],
      )
      assert.equal((await summary(ada, named)).body.membership, 'join')
    }
    for (const named of [closed, aliasOf('closed'), `!unknown:${via}`]) {
      assertRefused(await summary(bob.client, named), 404, 'M_NOT_FOUND')
    }
    const dora = await registerResident(other, 'dora')
    assert.equal((await tryToJoin(dora.client, open, via)).status, 200)
    assert.deepEqual(
      [(await summary(bob.client, open)).body.num_joined_members, (await summary(dora.client, open)).body.membership],
      [2, 'join'],
    )
  })

  async function hierarchy(client: OwnerClient, roomId: string, query = ''): Promise<unknown[]> {
    const names: unknown[] = []
    for (let from = ''; ; ) {
      const page = await client.ok('GET', `/_matrix/client/v1/${inRoom(roomId, `hierarchy?limit=2${query}${from}`)}`)
      names.push(...(page.rooms as { name: string }[]).map(({ name }) => name))
      if (page.next_batch === undefined) return names.sort()
      from = `&from=${page.next_batch}`
    }
  }
})

function publicRoom(name: string): object {
  return { preset: 'public_chat', visibility: 'public', name }
}
