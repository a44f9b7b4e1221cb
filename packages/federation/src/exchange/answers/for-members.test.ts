import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExchangeNetwork, type WireRequest } from '../../../test/exchange-network.ts'
import type { Answer } from '../../contracts.ts'
import { HourlyQuota } from '../hourly-quota.ts'
import { PeerRations } from '../peer-rations.ts'
import type { AnswerParts } from './answer-parts.ts'
import { forMembers } from './for-members.ts'

const ROOM = `!${'r'.repeat(43)}`

test('an answer that was being gathered when its asker was banned is not given out', async () => {
  let banned = false
  const forbidden = new Error('not in the room')
  const parts = {
    gate: { requireJoined: async () => (banned ? Promise.reject(forbidden) : undefined) },
    served: new PeerRations({ now: () => 0 }, { requests: 10, events: 100, bytes: 10_000 }),
  } as unknown as AnswerParts
  const read: Answer = {
    method: 'GET',
    path: '/state/{roomId}',
    answer: async () => {
      banned = true
      return { pdus: [{ secret: true }] }
    },
  }
  const request = { origin: 'b' as never, params: { roomId: ROOM }, query: new URLSearchParams(), content: undefined }
  assert.deepEqual(await read.answer(request), { pdus: [{ secret: true }] }, 'twin: the bare read gives it')
  banned = false
  await assert.rejects(forMembers(parts, read).answer(request), forbidden)
})

test('one server has its share of an hour, others theirs', () => {
  let now = 0
  const rations = new PeerRations({ now: () => now }, { requests: 5, events: 100, bytes: 1_000 })
  for (let index = 0; index < 5; index++) assert.equal(rations.request('a' as never), 0)
  assert.ok(rations.request('a' as never) > 0)
  assert.equal(rations.request('b' as never), 0)
  rations.spend('b' as never, { events: 1, bytes: 5_000 })
  assert.ok(rations.request('b' as never) > 3_600_000, 'what went over is waited for')
  now = 5 * 3_600_000
  assert.equal(rations.request('b' as never), 0)
  const quota = new HourlyQuota({ now: () => now }, 10)
  quota.spend('x', 25)
  assert.ok(quota.take('x') > 0)
})

test('a fetch under way ends with the membership of the server that is asked', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  let steps = 0
  let onStep: (() => Promise<unknown>) | undefined
  const tamper = async ({ uri }: WireRequest, honest: () => ReturnType<Answer['answer']>) => {
    if (uri.includes('/events_since/') && ++steps === 2) await onStep?.()
    return honest()
  }
  const a = await network.add('a')
  const b = await network.add('b', { tamper })
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  network.gossip = false
  for (let index = 0; index < 450; index++) await b.rooms.message(roomId, b.user(), `m${index}`)
  onStep = () => a.rooms.setMembership(roomId, a.user(), b.user(), 'ban')
  await a.exchange.reconcile(b.name)
  await network.settled()
  assert.equal(steps, 2, 'nothing more was asked for')
  assert.equal((await a.rooms.bodies(roomId)).length, 100, 'and the answer that came after the ban counts for nothing')
  assert.equal(await a.membership(roomId, b.user()), 'ban')
})
