import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import { makeUserId } from '@starling/protocol'
import { eventually, TestClock, testCrypto } from '@starling/testkit'
import { ManualTimers } from '../../../test/net/manual-timers.ts'
import { meet, nodes } from '../../../test/net/meet.ts'
import { joinAll, type TestNode } from '../../../test/net/test-node.ts'
import { sealBatch } from '../gossip/edu-batch.ts'
import { topicOf } from '../gossip/topic.ts'
import { netLimits } from '../limits.ts'
import { presenceEdu, receiptEdu, toDeviceEdu, typingEdu } from './edu-contents.ts'

const ROOM = '!room:example.org' as RoomId
const OTHER_ROOM = '!other:example.org' as RoomId
const EVENT = `$${'e'.repeat(43)}` as EventId
const LATER = `$${'f'.repeat(43)}` as EventId

async function friends() {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  joinAll(ROOM, [a, b])
  await meet(network, a, b)
  return { network, a, b }
}

test('typing reaches the other node, and ends there too', async () => {
  const { a, b } = await friends()
  await a.net.ephemeral.setTyping(ROOM, a.userId, 5_000)
  await eventually('b sees a typing', () => b.net.ephemeral.typing(ROOM).users.length === 1)
  assert.deepEqual(b.net.ephemeral.typing(ROOM).users, [a.userId])
  await a.net.ephemeral.setTyping(ROOM, a.userId, undefined)
  await eventually('b sees nobody typing', () => b.net.ephemeral.typing(ROOM).users.length === 0)
})

test('who types is forgotten when the time is over, with a position for the syncs', async () => {
  const clock = new TestClock()
  const timers = new ManualTimers(clock)
  const { all } = await nodes(['a'], { a: { clock, timers } })
  const [a] = all
  joinAll(ROOM, [a])
  await a.net.ephemeral.setTyping(ROOM, a.userId, 5_000)
  const { position } = a.net.ephemeral.typing(ROOM)
  timers.advance(4_999)
  assert.equal(a.net.ephemeral.typing(ROOM).users.length, 1)
  timers.advance(1)
  assert.equal(a.net.ephemeral.typing(ROOM).users.length, 0)
  assert.ok(a.net.ephemeral.typing(ROOM).position > position)
})

test('a receipt is durable, reaches the other node, and a private one stays', async () => {
  const { a, b } = await friends()
  const receipt = { userId: a.userId, eventId: EVENT, threadId: undefined }
  await a.net.ephemeral.setReceipt(ROOM, { ...receipt, type: 'm.read.private' })
  await a.net.ephemeral.setReceipt(ROOM, { ...receipt, type: 'm.read' })
  await a.net.ephemeral.setReceipt(ROOM, { ...receipt, type: 'm.read', eventId: LATER, threadId: 'main' })
  await eventually('b has both receipts', async () => (await b.net.ephemeral.receipts(ROOM, 0, 1e9)).length === 2)
  const atB = await b.net.ephemeral.receipts(ROOM, 0, 1e9)
  assert.deepEqual(
    atB.map(({ type, eventId, threadId }) => [type, eventId, threadId]),
    [
      ['m.read', EVENT, undefined],
      ['m.read', LATER, 'main'],
    ],
  )
  assert.equal((await a.net.ephemeral.receipts(ROOM, 0, 1e9)).length, 3)
  const found = await a.net.ephemeral.receiptOf(ROOM, a.userId, 'm.read.private')
  assert.equal(found?.eventId, EVENT)
})

test('a newer receipt takes the place of the older one, at a new position', async () => {
  const { a } = await friends()
  const receipt = { userId: a.userId, type: 'm.read', threadId: undefined } as const
  await a.net.ephemeral.setReceipt(ROOM, { ...receipt, eventId: EVENT })
  const [first] = await a.net.ephemeral.receipts(ROOM, 0, 1e9)
  a.clock.advance(1)
  await a.net.ephemeral.setReceipt(ROOM, { ...receipt, eventId: LATER })
  const all = await a.net.ephemeral.receipts(ROOM, 0, 1e9)
  assert.deepEqual(
    all.map(({ eventId }) => eventId),
    [LATER],
  )
  assert.ok((all[0]?.position ?? 0) > (first?.position ?? 0))
  assert.deepEqual(await a.net.ephemeral.receipts(ROOM, all[0]?.position ?? 0, 1e9), [])
})

test('presence reaches those who share a room, and who was away when it is met again', async () => {
  const { network, a, b } = await friends()
  await a.net.ephemeral.setPresence(a.userId, 'online', 'hello')
  await eventually('b sees a', async () => (await b.net.ephemeral.presence(a.userId))?.presence === 'online')
  const [seen] = await b.net.ephemeral.presenceChanges(0, 1e9)
  assert.equal(seen?.statusMsg, 'hello')
  assert.equal(seen?.currentlyActive, true)
  await network.cut(a.host, b.host)
  await a.net.ephemeral.setPresence(a.userId, 'unavailable', undefined)
  await a.net.ephemeral.setReceipt(ROOM, { userId: a.userId, type: 'm.read', threadId: undefined, eventId: EVENT })
  await a.net.drained()
  network.mend(a.host, b.host)
  await meet(network, a, b)
  await eventually('b knows', async () => (await b.net.ephemeral.presence(a.userId))?.presence === 'unavailable')
  await eventually('b has the receipt', async () => (await b.net.ephemeral.receipts(ROOM, 0, 1e9)).length === 1)
})

test('somebody of whom nothing is heard any more is taken for offline', async () => {
  const { a, b } = await friends()
  await a.net.ephemeral.setPresence(a.userId, 'online', undefined)
  await eventually('b sees a', async () => (await b.net.ephemeral.presence(a.userId))?.presence === 'online')
  b.clock.advance(5 * 60_000)
  await b.net.ephemeral.refreshPresence()
  assert.equal((await b.net.ephemeral.presence(a.userId))?.presence, 'offline')
})

test('device list and signing key updates reach every server that shares a room', async () => {
  const { a, b } = await friends()
  await a.net.outbound.deviceListUpdate({ user_id: a.userId, device_id: 'D', stream_id: 1, prev_id: [] })
  await a.net.outbound.signingKeyUpdate({ user_id: a.userId, master_key: {} })
  await eventually('b has both', () => b.deviceChanges.length === 2)
  assert.deepEqual(
    b.deviceChanges.map(({ edu_type: type }) => type),
    ['m.device_list_update', 'm.signing_key_update'],
  )
})

const forgeries: readonly [
  title: string,
  make: (liar: TestNode, victim: UserId) => JsonObject,
  reached: (a: TestNode, victim: UserId) => Promise<boolean>,
][] = [
  [
    'typing',
    (_liar, userId) => typingEdu({ roomId: ROOM, userId, typing: true }),
    async (a) => a.net.ephemeral.typing(ROOM).users.length > 0,
  ],
  [
    'receipt',
    (_liar, userId) => receiptEdu(ROOM, { userId, eventId: EVENT, ts: 1, threadId: undefined }),
    async (a) => (await a.net.ephemeral.receipts(ROOM, 0, 1e9)).length > 0,
  ],
  [
    'presence',
    (_liar, userId) =>
      presenceEdu(
        { userId, presence: 'online', statusMsg: 'forged', lastActiveTs: undefined, currentlyActive: true },
        1,
      ),
    async (a, victim) => (await a.net.ephemeral.presence(victim)) !== undefined,
  ],
]

for (const ownerCheck of ['on', 'off'] as const) {
  for (const [title, make, reached] of forgeries) {
    const what = ownerCheck === 'on' ? 'is ignored' : 'is believed where owners are not checked (twin)'
    test(`bad input 45: a forged ${title} of another server’s user ${what}`, async () => {
      const { network, all } = await nodes(
        ['a', 'liar', 'victim'],
        ownerCheck === 'off' ? { a: { defences: { ownerCheck: 'off' } } } : {},
      )
      const [a, liar, victim] = all
      joinAll(ROOM, [a, liar], [a, liar, victim])
      await meet(network, a, liar)
      await liar.net.roomGossip.publishEdus(ROOM, [make(liar, victim.userId)])
      await network.settled()
      assert.equal(await reached(a, victim.userId), ownerCheck === 'off')
      if (ownerCheck === 'on') assert.equal(a.counted.get('edu_dropped not-its-user'), 1)
    })
  }

  test(`bad input 45: a forged to-device message and device list ${ownerCheck === 'on' ? 'are ignored' : 'arrive where owners are not checked (twin)'}`, async () => {
    const { all } = await nodes(
      ['a', 'liar', 'victim'],
      ownerCheck === 'off' ? { a: { defences: { ownerCheck: 'off' } } } : {},
    )
    const [a, liar, victim] = all
    const message = { sender: victim.userId, type: 'm.room_key', messageId: 'x', messages: { [a.userId]: { D: {} } } }
    const devices = {
      edu_type: 'm.device_list_update',
      content: { user_id: victim.userId, device_id: 'D', stream_id: 1 },
    }
    await a.net.edus(liar.serverName, [toDeviceEdu(message), devices])
    assert.equal(a.toDevice.length + a.deviceChanges.length, ownerCheck === 'on' ? 0 : 2)
  })
}

test('bad input 45: EDUs of a user who is not in the room, or for another room than the topic’s, are ignored', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  const left = makeUserId('left', b.serverName)
  joinAll(ROOM, [a, b])
  joinAll(OTHER_ROOM, [a, b])
  await meet(network, a, b)
  await b.net.roomGossip.publishEdus(ROOM, [
    typingEdu({ roomId: ROOM, userId: left, typing: true }),
    typingEdu({ roomId: OTHER_ROOM, userId: b.userId, typing: true }),
    toDeviceEdu({ sender: b.userId, type: 't', messageId: 'm', messages: { [a.userId]: { D: {} } } }),
    { edu_type: 'm.unknown', content: {} },
    { edu_type: 'constructor', content: {} },
    { edu_type: 'm.typing', content: { room_id: ROOM, user_id: b.userId, typing: 'yes' } },
  ])
  await network.settled()
  assert.deepEqual([a.net.ephemeral.typing(ROOM).users, a.net.ephemeral.typing(OTHER_ROOM).users], [[], []])
  assert.equal(a.toDevice.length, 0)
  assert.deepEqual(
    ['not-joined', 'other-room', 'unknown-or-malformed', 'malformed'].map((code) =>
      a.counted.get(`edu_dropped ${code}`),
    ),
    [1, 1, 3, 1],
  )
})

test('a flood of EDUs in transactions is answered 429 and comes again later; other servers are not held up', async () => {
  const { a, b } = await friends()
  const edus = Array(100).fill(typingEdu({ roomId: ROOM, userId: b.userId, typing: true }))
  for (let sent = 0; sent < netLimits.transactionEduBurst; sent += 100) await a.net.edus(b.serverName, edus)
  await assert.rejects(a.net.edus(b.serverName, edus), { status: 429, errcode: 'M_LIMIT_EXCEEDED' })
  await a.net.edus('other' as typeof b.serverName, edus)
  a.clock.advance((100 / netLimits.transactionEdusPerSecond) * 1000)
  await a.net.edus(b.serverName, edus)
})

test('an older typing notice that comes late does not undo a newer one', async () => {
  const { a, b } = await friends()
  const typing = (on: boolean) => [typingEdu({ roomId: ROOM, userId: b.userId, typing: on })]
  const receive = (on: boolean, ts: number) => receiveBatch(a, b, typing(on), ts)
  await receive(true, 2_000)
  await receive(false, 1_000)
  assert.equal(a.net.ephemeral.typing(ROOM).users.length, 1)
})

async function receiveBatch(to: TestNode, from: TestNode, edus: readonly JsonObject[], ts: number): Promise<void> {
  const bytes = sealBatch(ROOM, edus, ts, from.keys.keyRing)
  await from.host.gossip.publish(topicOf(ROOM, testCrypto.sha256), bytes)
  await eventually('judged', () => to.counted.has('edu_dropped late') || to.net.ephemeral.typing(ROOM).users.length > 0)
}
