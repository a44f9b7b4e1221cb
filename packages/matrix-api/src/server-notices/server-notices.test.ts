import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, roomPath } from '../rooms/testing/paths.ts'
import type { TestUser } from '../testing/test-api.ts'
import { startWholeApiWithRooms, type WholeApiWithRooms } from '../testing/whole-api-with-rooms.ts'
import { ServerNotices } from './server-notices.ts'

/** The bodies in the user's notices room, oldest first, once joined. */
async function noticesOf(here: WholeApiWithRooms, as: TestUser): Promise<string[]> {
  const roomId = await here.api.notices.roomOf(as.userId)
  assert.ok(roomId)
  await here.request('POST', roomPath(roomId, 'join'), { as, body: {} })
  const page = await here.request('GET', `${roomPath(roomId, 'messages')}?dir=f&limit=100`, { as })
  return page.body.chunk
    .filter(({ type }: { type: string }) => type === 'm.room.message')
    .map(({ content }: { content: { msgtype: string; body: string } }) => `${content.msgtype} ${content.body}`)
}

test('the message of the day: an invite to a tagged room, once per text and user, new users included', async () => {
  await using here = await startWholeApiWithRooms({ messageOfTheDay: 'Hello' })
  const owner = await here.user()
  await here.api.notices.start()
  const roomId = await here.api.notices.roomOf(owner.userId)
  assert.ok(roomId)
  const sync = await here.request('GET', client('/sync'), { as: owner })
  assert.deepEqual(Object.keys(sync.body.rooms.invite), [roomId])
  const tags = await here.request('GET', client(`/user/${owner.userId}/rooms/${encodeURIComponent(roomId)}/tags`), {
    as: owner,
  })
  assert.deepEqual(tags.body, { tags: { 'm.server_notice': {} } })
  assert.deepEqual(await noticesOf(here, owner), ['m.server_notice Hello'])
  await here.api.notices.start()
  assert.deepEqual(await noticesOf(here, owner), ['m.server_notice Hello'], 'once')
  const ada = await here.guest('ada')
  await here.api.notices.start()
  assert.deepEqual(await noticesOf(here, ada), ['m.server_notice Hello'])
  assert.notEqual(await here.api.notices.roomOf(ada.userId), roomId, 'a room for each')
  assert.deepEqual(
    await here.outcome('PUT', roomPath(roomId, 'send', 'm.room.message', 't'), owner, { msgtype: 'm.text', body: 'x' }),
    [403, 'M_FORBIDDEN'],
    'only the node speaks there',
  )
})

test('another message of the day is sent after a restart, the same one is not', async () => {
  await using here = await startWholeApiWithRooms({ messageOfTheDay: 'Monday' })
  const owner = await here.user()
  await here.api.notices.start()
  const again = (messageOfTheDay: string) => {
    const { store, logger } = here
    const { accounts } = here.api
    // What a restarted node has: nothing but the store.
    return new ServerNotices({
      ...{ store, logger, accounts, messageOfTheDay, rooms: here.rooms, reader: here.rooms.reader },
      accountData: { update: async () => undefined },
      profiles: { set: async () => false },
    }).start()
  }
  for (const text of ['Monday', 'Tuesday', 'Tuesday', 'Monday']) await again(text)
  const told = ['m.server_notice Monday', 'm.server_notice Tuesday', 'm.server_notice Monday']
  assert.deepEqual(await noticesOf(here, owner), told)
})

test('the invite cannot be refused; who has joined may leave and is asked in again', async () => {
  await using here = await startWholeApiWithRooms()
  const owner = await here.user()
  const notice = (id: string) => here.api.notices.send(owner.userId, { type: 'org.test', body: id, id })
  await notice('one')
  const roomId = await here.api.notices.roomOf(owner.userId)
  assert.ok(roomId)
  const REFUSED = [403, 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM']
  const leave = () => here.outcome('POST', roomPath(roomId, 'leave'), owner, {})
  assert.deepEqual(await leave(), REFUSED)
  const member = roomPath(roomId, 'state', 'm.room.member', owner.userId)
  assert.deepEqual(await here.outcome('PUT', member, owner, { membership: 'leave' }), REFUSED)
  assert.deepEqual(await here.outcome('POST', roomPath(roomId, 'join'), owner, {}), [200])
  assert.deepEqual(await leave(), [200])
  await notice('two')
  await notice('two')
  assert.equal((await here.rooms.reader.membership(roomId, owner.userId))?.membership, 'invite')
  assert.deepEqual(await noticesOf(here, owner), ['m.server_notice one', 'm.server_notice two'])
})

test('the account that speaks for the node cannot log in, is not listed, and takes nobody’s name', async () => {
  await using here = await startWholeApiWithRooms({ registration: { mode: 'open' } })
  const owner = await here.user()
  await here.api.accounts.create('starling', 'pw')
  await here.api.notices.send(owner.userId, { type: 'org.test', body: 'x', id: 'x' })
  const system = '@starling2:here.test'
  const profile = await here.request('GET', client(`/profile/${system}`))
  assert.equal(profile.body.displayname, 'Starling')
  const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'starling2' }, password: '' }
  assert.deepEqual(await here.outcome('POST', client('/login'), '', login), [403, 'M_FORBIDDEN'])
  assert.ok(!(await here.api.accounts.list()).includes(system as never))
  assert.equal(await here.api.localUsers.exists(system as never), false, 'nobody invites it from elsewhere')
  const suspend = client(`/admin/suspend/${system}`, 'v1')
  assert.deepEqual(await here.outcome('PUT', suspend, owner, { suspended: true }), [403, 'M_FORBIDDEN'])
})
