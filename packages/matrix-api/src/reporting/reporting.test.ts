import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '@starling/protocol'
import { client, roomPath } from '../rooms/testing/paths.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { ManualClock, RecordingLogger } from '../testing/test-api.ts'
import { startWholeApiWithRooms } from '../testing/whole-api-with-rooms.ts'
import { Reports } from './reports.ts'

const USER_REPORT = (userId: string) => client(`/users/${userId}/report`)

test('rooms, events and users are reported; the owner is told by a server notice', async () => {
  await using here = await startWholeApiWithRooms()
  const owner = await here.user()
  const ada = await here.guest('ada')
  const roomId = await here.createRoom(owner, { preset: 'public_chat' })
  await here.request('POST', roomPath(roomId, 'join'), { as: ada, body: {} })
  const sent = await here.request('PUT', roomPath(roomId, 'send', 'm.room.message', 't'), {
    as: owner,
    body: { msgtype: 'm.text', body: 'rude' },
  })
  const eventId = sent.body.event_id
  const ofRoom = await here.request('POST', roomPath(roomId, 'report'), { as: ada, body: { reason: 'ugly' } })
  expectMatchesSpec('reportRoom', ofRoom)
  const ofEvent = await here.request('POST', roomPath(roomId, 'report', eventId), { as: ada, body: {} })
  expectMatchesSpec('reportEvent', ofEvent)
  const ofUser = await here.request('POST', USER_REPORT('@x:far.test'), { as: ada, body: { reason: '' } })
  expectMatchesSpec('reportUser', ofUser)
  assert.deepEqual([ofRoom.status, ofEvent.status, ofUser.status], [200, 200, 200])
  await here.api.reports.tell()
  const notices = await here.api.notices.roomOf(owner.userId)
  assert.ok(notices)
  await here.request('POST', roomPath(notices, 'join'), { as: owner, body: {} })
  const page = await here.request('GET', `${roomPath(notices, 'messages')}?dir=f&limit=50`, { as: owner })
  const bodies = page.body.chunk.flatMap(({ content }: { content: { body?: string } }) => content.body ?? [])
  assert.deepEqual(bodies, [
    `${ada.userId} reported the room ${roomId}. Reason: ugly`,
    `${ada.userId} reported a message of ${owner.userId} in ${roomId}: event ${eventId}. No reason was given.`,
    `${ada.userId} reported the user @x:far.test. No reason was given.`,
  ])
  assert.deepEqual(
    (await here.api.reports.list()).map(({ told }) => told),
    [true, true, true],
  )
})

test('what cannot be reported: unknown rooms and users, events from outside or unseen, without a reason', async () => {
  await using here = await startWholeApiWithRooms()
  const owner = await here.user()
  const ada = await here.guest('ada')
  const roomId = await here.createRoom(owner)
  const sent = await here.request('PUT', roomPath(roomId, 'send', 'm.room.message', 't'), {
    as: owner,
    body: { msgtype: 'm.text', body: 'private' },
  })
  const eventId = sent.body.event_id
  const NOT_FOUND = [404, 'M_NOT_FOUND']
  const post = (path: string, body: object = { reason: 'x' }) => here.outcome('POST', path, ada, body)
  assert.deepEqual(await post(roomPath(roomId, 'report', eventId)), NOT_FOUND, 'not joined')
  assert.deepEqual(await post(roomPath(roomId, 'report')), [200], 'a room is reported from outside as well')
  const other = await here.createRoom(ada)
  assert.deepEqual(await post(roomPath(other, 'report', eventId)), NOT_FOUND, 'through another room')
  assert.deepEqual(await post(roomPath('!nowhere:far.test' as never, 'report')), NOT_FOUND)
  assert.deepEqual(await post(USER_REPORT('@nobody:here.test')), NOT_FOUND)
  assert.deepEqual(await post(roomPath(roomId, 'report'), {}), [400, 'M_MISSING_PARAM'])
  assert.deepEqual(await post(USER_REPORT(owner.userId), { reason: 7 }), [400, 'M_BAD_JSON'])
  assert.deepEqual(await post(USER_REPORT(owner.userId), { reason: 'x'.repeat(4_001) }), [400, 'M_INVALID_PARAM'])
  assert.equal((await here.request('POST', roomPath(roomId, 'report'), { body: { reason: 'x' } })).status, 401)
  // Before joining, history of a room that shows it from the invite on is unseen.
  await here.request('POST', roomPath(roomId, 'invite'), { as: owner, body: { user_id: ada.userId } })
  assert.deepEqual(await post(roomPath(roomId, 'report', eventId)), NOT_FOUND, 'invited only')
})

test('bad input 19: a flood of reports is 429, and what is kept is bounded, oldest dropped first', async () => {
  await using here = await startWholeApiWithRooms({ rateLimits: true })
  const owner = await here.user()
  let last: unknown[] = []
  for (let i = 0; i < 40; i++) {
    last = [...(await here.outcome('POST', USER_REPORT('@x:far.test'), owner, { reason: 'x' }))]
    if (last[0] === 429) break
  }
  assert.deepEqual(last, [429, 'M_LIMIT_EXCEEDED'])

  const reports = reportsOn(new MemoryStore(), async () => undefined)
  for (let i = 0; i < 23; i++) await reports.add({ ...REPORT, reason: String(i) })
  const kept = await reports.list()
  assert.deepEqual([kept.length, kept.at(-1)?.reason], [20, '3'])
})

test('a report that the owner could not be told of is told after a restart, once', async () => {
  const store = new MemoryStore()
  const failing = reportsOn(store, () => Promise.reject(new Error('no room')))
  await failing.add(REPORT)
  await failing.tell()
  const told: string[] = []
  const again = reportsOn(store, async (_owner, { id }) => void told.push(id))
  await again.tell()
  await again.tell()
  assert.equal(told.length, 1)
})

const REPORT = { reporter: '@a:here.test' as UserId, userId: '@b:there.test' as UserId, reason: 'x' }

function reportsOn(store: MemoryStore, send: ConstructorParameters<typeof Reports>[0]['notices']['send']): Reports {
  const accounts = { owner: async () => '@p2p:here.test' as UserId }
  const surroundings = { store, clock: new ManualClock(), logger: new RecordingLogger() }
  return new Reports({ ...surroundings, accounts, notices: { send }, maxReports: 20 })
}
