import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, roomPath } from '../rooms/testing/paths.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startWholeApiWithRooms } from '../testing/whole-api-with-rooms.ts'

const lockOf = (userId: string) => client(`/admin/lock/${userId}`, 'v1')
const suspendOf = (userId: string) => client(`/admin/suspend/${userId}`, 'v1')
const WHOAMI = client('/account/whoami')

test('the owner locks an account: its tokens answer 401 M_USER_LOCKED with soft_logout, and work again afterwards', async () => {
  await using here = await startWholeApiWithRooms()
  const owner = await here.user()
  const ada = await here.guest('ada')
  const before = await here.request('GET', lockOf(ada.userId), { as: owner })
  expectMatchesSpec('getAdminLockUser', before)
  assert.deepEqual(before.body, { locked: false })
  const locked = await here.request('PUT', lockOf(ada.userId), { as: owner, body: { locked: true } })
  expectMatchesSpec('setAdminLockUser', locked)
  assert.deepEqual(locked.body, { locked: true })
  for (const [method, path] of [
    ['GET', WHOAMI],
    ['GET', client('/sync')],
    ['POST', client('/createRoom')],
    ['POST', client('/keys/query')],
  ] as const) {
    const answer = await here.request(method, path, { as: ada, ...(method === 'POST' && { body: {} }) })
    assert.deepEqual([answer.status, answer.body.errcode, answer.body.soft_logout], [401, 'M_USER_LOCKED', true], path)
  }
  await here.request('PUT', lockOf(ada.userId), { as: owner, body: { locked: false } })
  assert.deepEqual(await here.outcome('GET', WHOAMI, ada), [200])
  await here.request('PUT', lockOf(ada.userId), { as: owner, body: { locked: true } })
  assert.deepEqual(await here.outcome('POST', client('/logout'), ada, {}), [200])
})

test('a locked account gets no new tokens, by password, refresh or after a restart', async () => {
  await using here = await startWholeApiWithRooms()
  const owner = await here.user()
  const ada = await here.api.accounts.create('ada', 'pw')
  const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'ada' }, password: 'pw' }
  const first = await here.request('POST', client('/login'), { body: { ...login, refresh_token: true } })
  await here.request('PUT', lockOf(ada), { as: owner, body: { locked: true } })
  assert.deepEqual(await here.outcome('POST', client('/login'), '', login), [401, 'M_USER_LOCKED'])
  const refresh = { refresh_token: first.body.refresh_token }
  assert.deepEqual(await here.outcome('POST', client('/refresh'), '', refresh), [401, 'M_USER_LOCKED'])
  // The base's own Accounts read the same store anew, as after a restart.
  assert.deepEqual(await here.accounts.standing(ada), { locked: true, suspended: false })
})

test('locks and suspensions: who may, of whom, in which order that is found out', async () => {
  await using here = await startWholeApiWithRooms()
  const owner = await here.user()
  const ada = await here.guest('ada')
  const bob = await here.guest('bob')
  for (const [pathOf, field] of [
    [lockOf, 'locked'],
    [suspendOf, 'suspended'],
  ] as const) {
    const put = (as: typeof owner, userId: string, body: object = { [field]: true }) =>
      here.outcome('PUT', pathOf(userId), as, body)
    assert.deepEqual(await put(ada, bob.userId), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await put(ada, '@nobody:here.test'), [403, 'M_FORBIDDEN'], 'no enumeration')
    assert.deepEqual(await here.outcome('GET', pathOf('@nobody:here.test'), ada), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await put(owner, '@nobody:here.test'), [404, 'M_NOT_FOUND'])
    assert.deepEqual(await put(owner, '@ada:elsewhere.test'), [400, 'M_INVALID_PARAM'])
    assert.deepEqual(await put(owner, owner.userId), [403, 'M_FORBIDDEN'])
    assert.deepEqual(await put(owner, ada.userId, {}), [400, 'M_MISSING_PARAM'])
    assert.deepEqual(await put(owner, ada.userId, { [field]: 'yes' }), [400, 'M_BAD_JSON'])
    await here.api.accounts.deactivate(bob.userId)
    assert.deepEqual(await put(owner, bob.userId), [404, 'M_NOT_FOUND'])
  }
  const capabilities = async (as: typeof owner) =>
    (await here.request('GET', client('/capabilities'), { as })).body.capabilities['m.account_moderation']
  assert.deepEqual(await capabilities(owner), { lock: true, suspend: true })
  assert.equal(await capabilities(ada), undefined)
})

test('a suspended account reads, leaves and redacts its own; what it would say or enter is 403 M_USER_SUSPENDED', async () => {
  await using here = await startWholeApiWithRooms()
  const owner = await here.user()
  const ada = await here.guest('ada')
  const roomId = await here.createRoom(owner, { preset: 'public_chat', power_level_content_override: { redact: 0 } })
  const other = await here.createRoom(owner, { preset: 'public_chat' })
  await here.request('POST', roomPath(roomId, 'join'), { as: ada, body: {} })
  const say = async (as: typeof owner, body: string) =>
    (
      await here.request('PUT', roomPath(roomId, 'send', 'm.room.message', body), {
        as,
        body: { msgtype: 'm.text', body },
      })
    ).body.event_id as string
  const [own, others] = [await say(ada, 'mine'), await say(owner, 'theirs')]
  const suspended = await here.request('PUT', suspendOf(ada.userId), { as: owner, body: { suspended: true } })
  expectMatchesSpec('setAdminSuspendUser', suspended)
  expectMatchesSpec('getAdminSuspendUser', await here.request('GET', suspendOf(ada.userId), { as: owner }))

  const CLOSED = [403, 'M_USER_SUSPENDED']
  const closed: [string, string, object][] = [
    ['POST', client(`/join/${encodeURIComponent(other)}`), {}],
    ['POST', roomPath(other, 'join'), {}],
    ['POST', client(`/knock/${encodeURIComponent(other)}`), {}],
    ['POST', roomPath(roomId, 'invite'), { user_id: owner.userId }],
    ['POST', roomPath(roomId, 'kick'), { user_id: owner.userId }],
    ['POST', roomPath(roomId, 'ban'), { user_id: owner.userId }],
    ['POST', roomPath(roomId, 'unban'), { user_id: owner.userId }],
    ['POST', roomPath(roomId, 'upgrade'), { new_version: '12' }],
    ['POST', client('/createRoom'), {}],
    ['PUT', client('/directory/room/%23a:here.test'), { room_id: roomId }],
    ['PUT', client(`/directory/list/room/${encodeURIComponent(roomId)}`), { visibility: 'public' }],
    ['PUT', client(`/profile/${ada.userId}/displayname`), { displayname: 'x' }],
    ['DELETE', client(`/profile/${ada.userId}/displayname`), {}],
    ['PUT', roomPath(roomId, 'send', 'm.room.message', 't'), { msgtype: 'm.text', body: 'x' }],
    ['PUT', roomPath(roomId, 'send', 'm.room.redaction', 't'), { redacts: others }],
    ['PUT', roomPath(roomId, 'redact', others, 't'), {}],
    ['PUT', roomPath(roomId, 'state', 'm.room.topic', ''), { topic: 'x' }],
    ['PUT', roomPath(roomId, 'state', 'm.room.topic'), { topic: 'x' }],
    ['PUT', roomPath(other, 'state', 'm.room.member', ada.userId), { membership: 'join' }],
  ]
  for (const [method, path, body] of closed) {
    assert.deepEqual(await here.outcome(method, path, ada, body), CLOSED, `${method} ${path}`)
  }
  const open: [string, string, object?][] = [
    ['GET', client('/sync')],
    ['GET', `${roomPath(roomId, 'messages')}?dir=b`],
    ['PUT', roomPath(roomId, 'redact', own, 't1'), {}],
    ['POST', roomPath(roomId, 'leave'), {}],
    ['POST', client('/logout'), {}],
  ]
  for (const [method, path, body] of open) assert.deepEqual(await here.outcome(method, path, ada, body), [200], path)
})
