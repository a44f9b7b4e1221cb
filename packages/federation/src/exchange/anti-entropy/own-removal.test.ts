import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { ExchangeNetwork, type NodeOptions } from '../../../test/exchange-network.ts'

/** A room of `a`, and `b` who was in it and comes back after what happens meanwhile; no notice waits for it. */
async function awayFrom(t: TestContext, aOptions: NodeOptions = {}) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const [a, b] = [await network.add('a', aOptions), await network.add('b')]
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  network.cut(a, b)
  const comeBack = async () => {
    await network.settled()
    a.outbox.length = 0
    network.restore(a, b)
    await b.exchange.reconcile(a.name)
    await network.settled()
  }
  return { network, a, b, roomId, comeBack }
}

/** What `a` says of its rooms to `b`. */
async function toldTo(room: Awaited<ReturnType<typeof awayFrom>>): Promise<JsonObject> {
  const { network, a, b } = room
  const asked = network.requests.findLast(({ from, uri }) => from === b.name && uri.endsWith('/extremities'))
  return a.ask(b, 'POST', '/_starling/federation/v1/extremities', asked?.content ?? assert.fail('nothing was asked'))
}

for (const membership of ['leave', 'ban'] as const) {
  test(`a "${membership}" whose notice was lost is heard of by the next comparison`, async (t) => {
    const { a, b, roomId, comeBack } = await awayFrom(t)
    for (let number = 0; number < 3; number++) await a.rooms.message(roomId, a.user(), `missed ${number}`)
    await a.change({ roomId, sender: a.user(), target: b.user(), membership })
    await a.rooms.message(roomId, a.user(), 'behind its back')
    await comeBack()
    assert.equal(b.engine.isServerJoined(roomId, b.name), false)
    assert.equal(await b.membership(roomId, b.user()), membership)
    assert.ok(!(await b.rooms.bodies(roomId)).includes('behind its back'))
  })
}

test('twin: who is not told of a ban takes itself for a member for good', async (t) => {
  const tamper: NodeOptions['tamper'] = async (_, honest) => ({ ...(await honest()), removed: {} })
  const { a, b, roomId, comeBack } = await awayFrom(t, { tamper })
  await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'ban' })
  await comeBack()
  assert.equal(b.engine.isServerJoined(roomId, b.name), true)
})

test('who left by itself, and who the access control list denies, are told nothing', async (t) => {
  const room = await awayFrom(t)
  const { a, b, roomId, comeBack } = room
  await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'ban' })
  await a.rooms.setState(roomId, a.user(), 'm.room.server_acl', '', { allow: ['*'], deny: [b.name] })
  await comeBack()
  assert.equal(b.engine.isServerJoined(roomId, b.name), true)
  assert.deepEqual((await toldTo(room)).removed, undefined)

  const other = await awayFrom(t)
  await other.comeBack()
  await other.b.leave(other.roomId)
  await other.network.settled()
  assert.equal(other.a.engine.isServerJoined(other.roomId, other.b.name), false)
  assert.deepEqual((await toldTo(other)).removed, undefined)
})
