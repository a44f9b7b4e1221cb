import { operation, type Section } from '../operation.ts'

const V3 = '/_matrix/client/v3'

export const USER_DATA: Section = {
  title: 'User data',
  operations: [
    operation('searchUserDirectory', `POST ${V3}/user_directory/search`, async ({ ok, fails, bob }) => {
      await ok({ as: bob, body: { search_term: 'alice', limit: 5 } })
      await fails(400, 'M_MISSING_PARAM', { as: bob, body: {} })
    }),
    operation('setProfileField', `PUT ${V3}/profile/{userId}/{keyName}`, async ({ ok, fails, alice, bob }) => {
      const path = { userId: bob.userId, keyName: 'displayname' }
      await ok({ as: bob, path, body: { displayname: 'Bob' } })
      await fails(403, 'M_FORBIDDEN', {
        as: bob,
        path: { ...path, userId: alice.userId },
        body: { displayname: 'Bob' },
      })
      await fails(400, 'M_MISSING_PARAM', { as: bob, path, body: {} })
    }),
    operation('getProfileField', `GET ${V3}/profile/{userId}/{keyName}`, async ({ ok, fails, other, bob, nobodys }) => {
      const path = { userId: bob.userId, keyName: 'm.tz' }
      await other('setProfileField', { as: bob, path, body: { 'm.tz': 'Europe/Berlin' } })
      await ok({ path })
      await fails(404, 'M_NOT_FOUND', { path: { ...path, keyName: 'org.example.none' } })
      await fails(404, 'M_NOT_FOUND', { path: { ...path, userId: nobodys.user } })
    }),
    operation('deleteProfileField', `DELETE ${V3}/profile/{userId}/{keyName}`, async ({ ok, fails, alice, bob }) => {
      await ok({ as: bob, path: { userId: bob.userId, keyName: 'avatar_url' } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: alice.userId, keyName: 'avatar_url' } })
    }),
    operation('getUserProfile', `GET ${V3}/profile/{userId}`, async ({ ok, fails, bob, nobodys }) => {
      await ok({ path: { userId: bob.userId } })
      await fails(404, 'M_NOT_FOUND', { path: { userId: nobodys.user } })
    }),
  ],
}

export const CLIENT_CONFIG: Section = {
  title: 'Client config and room tagging',
  operations: [
    operation('setAccountData', `PUT ${V3}/user/{userId}/account_data/{type}`, async ({ ok, fails, alice, bob }) => {
      const path = { userId: bob.userId, type: 'org.example.colour' }
      await ok({ as: bob, path, body: { colour: 'blue' } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, userId: alice.userId }, body: {} })
      await fails(405, 'M_BAD_JSON', { as: bob, path: { ...path, type: 'm.push_rules' }, body: {} })
    }),
    operation(
      'getAccountData',
      `GET ${V3}/user/{userId}/account_data/{type}`,
      async ({ ok, fails, other, alice, bob }) => {
        const path = { userId: bob.userId, type: 'org.example.shape' }
        await other('setAccountData', { as: bob, path, body: { shape: 'round' } })
        await ok({ as: bob, path })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, userId: alice.userId } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: { ...path, type: 'org.example.none' } })
      },
    ),
    operation(
      'setAccountDataPerRoom',
      `PUT ${V3}/user/{userId}/rooms/{roomId}/account_data/{type}`,
      async ({ ok, fails, room, alice, bob }) => {
        const path = { userId: bob.userId, roomId: await room(), type: 'org.example.colour' }
        await ok({ as: bob, path, body: { colour: 'blue' } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, userId: alice.userId }, body: {} })
        await fails(400, 'M_INVALID_PARAM', { as: bob, path: { ...path, roomId: 'kitchen' }, body: {} })
        await fails(405, 'M_BAD_JSON', { as: bob, path: { ...path, type: 'm.fully_read' }, body: {} })
      },
    ),
    operation(
      'getAccountDataPerRoom',
      `GET ${V3}/user/{userId}/rooms/{roomId}/account_data/{type}`,
      async ({ ok, fails, other, room, alice, bob }) => {
        const path = { userId: bob.userId, roomId: await room(), type: 'org.example.shape' }
        await other('setAccountDataPerRoom', { as: bob, path, body: { shape: 'round' } })
        await ok({ as: bob, path })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, userId: alice.userId } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: { ...path, type: 'org.example.none' } })
      },
    ),
    operation('getRoomTags', `GET ${V3}/user/{userId}/rooms/{roomId}/tags`, async ({ ok, fails, room, alice, bob }) => {
      const roomId = await room()
      await ok({ as: bob, path: { userId: bob.userId, roomId } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: alice.userId, roomId } })
    }),
    operation(
      'setRoomTag',
      `PUT ${V3}/user/{userId}/rooms/{roomId}/tags/{tag}`,
      async ({ ok, fails, room, alice, bob }) => {
        const path = { userId: bob.userId, roomId: await room(), tag: 'u.work' }
        await ok({ as: bob, path, body: { order: 0.25 } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, userId: alice.userId }, body: {} })
        await fails(400, 'M_INVALID_PARAM', { as: bob, path, body: { order: 2 } })
      },
    ),
    operation(
      'deleteRoomTag',
      `DELETE ${V3}/user/{userId}/rooms/{roomId}/tags/{tag}`,
      async ({ ok, fails, room, alice, bob }) => {
        const path = { userId: bob.userId, roomId: await room(), tag: 'u.work' }
        await ok({ as: bob, path })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, userId: alice.userId } })
      },
    ),
  ],
}

const flowsOf = async (
  fails: (status: number, errcode: undefined, request: object) => Promise<unknown>,
  request: object,
) => ((await fails(401, undefined, request)) as { session: string }).session

export const DEVICES: Section = {
  title: 'Device management',
  operations: [
    operation('getDevices', `GET ${V3}/devices`, ({ ok, bob }) => ok({ as: bob })),
    operation('getDevice', `GET ${V3}/devices/{deviceId}`, async ({ ok, fails, alice, bob }) => {
      await ok({ as: bob, path: { deviceId: bob.deviceId } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { deviceId: alice.deviceId } })
    }),
    operation('updateDevice', `PUT ${V3}/devices/{deviceId}`, async ({ ok, fails, alice, bob }) => {
      await ok({ as: bob, path: { deviceId: bob.deviceId }, body: { display_name: 'Old phone' } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { deviceId: alice.deviceId }, body: { display_name: 'Mine' } })
    }),
    operation('deleteDevice', `DELETE ${V3}/devices/{deviceId}`, async ({ ok, fails, member, password }) => {
      const user = await member()
      const request = { as: user, path: { deviceId: user.deviceId } }
      const session = await flowsOf(fails, { ...request, body: {} })
      await ok({ ...request, body: { auth: { ...password(user), session } } })
    }),
    operation('deleteDevices', `POST ${V3}/delete_devices`, async ({ ok, fails, member, password }) => {
      const user = await member()
      const devices = [user.deviceId]
      const session = await flowsOf(fails, { as: user, body: { devices } })
      await ok({ as: user, body: { devices, auth: { ...password(user), session } } })
    }),
  ],
}
