import { notOffered, operation, type Section } from '../operation.ts'

const V3 = '/_matrix/client/v3'
const V1 = '/_matrix/client/v1'

export const ROOMS: Section = {
  title: 'Rooms: creation, aliases, directory',
  operations: [
    operation('createRoom', `POST ${V3}/createRoom`, async ({ ok, fails, alice, bob }) => {
      const body = {
        preset: 'public_chat',
        name: 'Tea',
        topic: 'Leaves',
        room_alias_name: 'tea',
        invite: [alice.userId],
      }
      await ok({ as: bob, body })
      await fails(400, 'M_ROOM_IN_USE', { as: bob, body })
      await fails(400, 'M_UNSUPPORTED_ROOM_VERSION', { as: bob, body: { room_version: 'one' } })
    }),
    operation('setRoomAlias', `PUT ${V3}/directory/room/{roomAlias}`, async ({ ok, fails, room, alice }) => {
      const body = { room_id: await room() }
      await ok({ as: alice, path: { roomAlias: '#attic:here.test' }, body })
      await fails(409, 'M_UNKNOWN', { as: alice, path: { roomAlias: '#attic:here.test' }, body })
      await fails(400, 'M_INVALID_PARAM', { as: alice, path: { roomAlias: 'attic' }, body })
    }),
    operation('getRoomIdByAlias', `GET ${V3}/directory/room/{roomAlias}`, async ({ ok, fails, room }) => {
      await room({ room_alias_name: 'cellar' })
      await ok({ path: { roomAlias: '#cellar:here.test' } })
      await fails(404, 'M_NOT_FOUND', { path: { roomAlias: '#none:here.test' } })
      await fails(400, 'M_INVALID_PARAM', { path: { roomAlias: 'cellar' } })
    }),
    operation('deleteRoomAlias', `DELETE ${V3}/directory/room/{roomAlias}`, async ({ ok, fails, room, alice, bob }) => {
      await room({ room_alias_name: 'porch' })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomAlias: '#porch:here.test' } })
      await ok({ as: alice, path: { roomAlias: '#porch:here.test' } })
      await fails(404, 'M_NOT_FOUND', { as: alice, path: { roomAlias: '#porch:here.test' } })
    }),
    operation('getLocalAliases', `GET ${V3}/rooms/{roomId}/aliases`, async ({ ok, fails, room, bob, nobodys }) => {
      await ok({ as: bob, path: { roomId: await room({ room_alias_name: 'hall' }) } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room } })
    }),
    operation(
      'getRoomVisibilityOnDirectory',
      `GET ${V3}/directory/list/room/{roomId}`,
      async ({ ok, fails, room, nobodys }) => {
        await ok({ path: { roomId: await room({ visibility: 'public' }) } })
        await fails(404, 'M_NOT_FOUND', { path: { roomId: nobodys.room } })
      },
    ),
    operation(
      'setRoomVisibilityOnDirectory',
      `PUT ${V3}/directory/list/room/{roomId}`,
      async ({ ok, fails, room, alice, bob, nobodys }) => {
        const [path, body] = [{ roomId: await room() }, { visibility: 'public' }]
        await ok({ as: alice, path, body })
        await fails(403, 'M_FORBIDDEN', { as: bob, path, body })
        await fails(404, 'M_NOT_FOUND', { as: alice, path: { roomId: nobodys.room }, body })
      },
    ),
    operation('getPublicRooms', `GET ${V3}/publicRooms`, async ({ ok, fails, room, bob }) => {
      await room({ visibility: 'public', name: 'Listed' })
      await ok({ query: { limit: '1' } })
      await ok({ as: bob, query: { server: 'elsewhere.test' } })
      await fails(400, 'M_INVALID_PARAM', { as: bob, query: { server: 'not a server' } })
      await fails(400, 'M_INVALID_PARAM', { query: { since: 'forged' } })
    }),
    operation('queryPublicRooms', `POST ${V3}/publicRooms`, async ({ ok, fails, room, bob }) => {
      await room({ visibility: 'public', name: 'Gardening' })
      await ok({ as: bob, body: { limit: 1, filter: { generic_search_term: 'garden', room_types: [null] } } })
      await fails(400, 'M_BAD_JSON', { as: bob, body: { limit: 'many' } })
    }),
    operation('getRoomSummary', `GET ${V1}/room_summary/{roomIdOrAlias}`, async ({ ok, fails, room, bob, nobodys }) => {
      await ok({ as: bob, path: { roomIdOrAlias: await room({ name: 'Summed up' }) }, query: { via: ['here.test'] } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { roomIdOrAlias: nobodys.room } })
    }),
    operation('upgradeRoom', `POST ${V3}/rooms/{roomId}/upgrade`, async ({ ok, fails, room, alice, bob }) => {
      const path = { roomId: await room({ room_version: '11' }) }
      await fails(403, 'M_FORBIDDEN', { as: bob, path, body: { new_version: '12' } })
      await fails(400, 'M_UNSUPPORTED_ROOM_VERSION', { as: alice, path, body: { new_version: 'one' } })
      await ok({ as: alice, path, body: { new_version: '12' } })
    }),
    operation(
      'getSpaceHierarchy',
      `GET ${V1}/rooms/{roomId}/hierarchy`,
      async ({ ok, fails, room, state, alice, bob, nobodys }) => {
        const roomId = await room({ creation_content: { type: 'm.space' }, name: 'House' })
        await state(alice, roomId, 'm.space.child', { via: ['here.test'] }, await room({ name: 'Kitchen' }))
        await ok({ as: bob, path: { roomId }, query: { limit: '10', max_depth: '2', suggested_only: 'false' } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room } })
        await fails(400, 'M_INVALID_PARAM', { as: bob, path: { roomId }, query: { from: 'forged' } })
      },
    ),
  ],
}

export const MEMBERSHIP: Section = {
  title: 'Room membership',
  operations: [
    operation('getJoinedRooms', `GET ${V3}/joined_rooms`, ({ ok, bob }) => ok({ as: bob })),
    operation('inviteUser', `POST ${V3}/rooms/{roomId}/invite`, async ({ ok, fails, room, person, alice, bob }) => {
      const path = { roomId: await room() }
      const { userId } = await person()
      await ok({ as: alice, path, body: { user_id: userId, reason: 'Tea' } })
      await fails(403, 'M_FORBIDDEN', { as: alice, path, body: { user_id: bob.userId } })
      await fails(400, 'M_MISSING_PARAM', { as: alice, path, body: {} })
    }),
    notOffered(
      'inviteBy3PID',
      `POST ${V3}/rooms/{roomId}/invite`,
      'nobody is invited by mail or phone: M_THREEPID_DENIED',
      async ({ fails, room, alice }) => {
        const body = { id_server: 'id.test', id_access_token: 'a', medium: 'email', address: 'bob@example.org' }
        await fails(403, 'M_THREEPID_DENIED', { as: alice, path: { roomId: await room() }, body })
      },
    ),
    operation('joinRoomById', `POST ${V3}/rooms/{roomId}/join`, async ({ ok, fails, room, person }) => {
      const user = await person()
      await ok({ as: user, path: { roomId: await room({ preset: 'public_chat' }) }, body: { reason: 'Hi' } })
      await fails(403, 'M_FORBIDDEN', { as: user, path: { roomId: await room() }, body: {} })
    }),
    operation('joinRoom', `POST ${V3}/join/{roomIdOrAlias}`, async ({ ok, fails, room, person }) => {
      const user = await person()
      await room({ preset: 'public_chat', room_alias_name: 'open' })
      await ok({ as: user, path: { roomIdOrAlias: '#open:here.test' }, query: { via: ['here.test'] }, body: {} })
      await fails(404, 'M_NOT_FOUND', { as: user, path: { roomIdOrAlias: '#shut:here.test' }, body: {} })
      await fails(403, 'M_FORBIDDEN', { as: user, path: { roomIdOrAlias: await room() }, body: {} })
    }),
    operation('knockRoom', `POST ${V3}/knock/{roomIdOrAlias}`, async ({ ok, fails, room, person }) => {
      const user = await person()
      const initial_state = [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }]
      await ok({ as: user, path: { roomIdOrAlias: await room({ initial_state }) }, body: { reason: 'Let me in' } })
      await fails(403, 'M_FORBIDDEN', { as: user, path: { roomIdOrAlias: await room() }, body: {} })
      await fails(404, 'M_NOT_FOUND', { as: user, path: { roomIdOrAlias: '#shut:here.test' }, body: {} })
    }),
    operation('leaveRoom', `POST ${V3}/rooms/{roomId}/leave`, async ({ ok, fails, room, bob, nobodys }) => {
      await ok({ as: bob, path: { roomId: await room() }, body: { reason: 'Late' } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { roomId: nobodys.room }, body: {} })
    }),
    operation('forgetRoom', `POST ${V3}/rooms/{roomId}/forget`, async ({ ok, fails, other, room, bob }) => {
      const path = { roomId: await room() }
      await fails(400, 'M_UNKNOWN', { as: bob, path })
      await other('leaveRoom', { as: bob, path, body: {} })
      await ok({ as: bob, path })
    }),
    operation('kick', `POST ${V3}/rooms/{roomId}/kick`, async ({ ok, fails, room, alice, bob }) => {
      const path = { roomId: await room() }
      await fails(403, 'M_FORBIDDEN', { as: bob, path, body: { user_id: alice.userId } })
      await ok({ as: alice, path, body: { user_id: bob.userId, reason: 'Noise' } })
    }),
    operation('ban', `POST ${V3}/rooms/{roomId}/ban`, async ({ ok, fails, room, alice, bob }) => {
      const path = { roomId: await room() }
      await fails(403, 'M_FORBIDDEN', { as: bob, path, body: { user_id: alice.userId } })
      await ok({ as: alice, path, body: { user_id: bob.userId, reason: 'Noise' } })
    }),
    operation('unban', `POST ${V3}/rooms/{roomId}/unban`, async ({ ok, fails, other, room, person, alice, bob }) => {
      const path = { roomId: await room() }
      const { userId } = await person()
      await other('ban', { as: alice, path, body: { user_id: userId } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path, body: { user_id: userId } })
      await ok({ as: alice, path, body: { user_id: userId } })
      await fails(403, 'M_BAD_STATE', { as: alice, path, body: { user_id: userId } })
    }),
    operation('getMutualRooms', `GET ${V1}/mutual_rooms`, async ({ ok, fails, room, alice, bob }) => {
      await room()
      await ok({ as: bob, query: { user_id: alice.userId } })
      await fails(400, 'M_INVALID_PARAM', { as: bob, query: { user_id: bob.userId } })
    }),
  ],
}
