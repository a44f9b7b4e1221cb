import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode } from '../../test/exchange-network.ts'

/** a and b are in a room, c has been away while ten things were said; a has then pruned what is older than a moment. */
async function setUp(t: TestContext, { prunes = true } = {}) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const c = await network.add('c')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await c.join(roomId, [a])
  await network.settled()
  network.isolate(c)
  const ids: EventId[] = []
  for (let n = 0; n < 10; n++) ids.push(await a.rooms.message(roomId, a.user(), `long ago ${n}`))
  network.clock.advance(1_000)
  await a.rooms.message(roomId, a.user(), 'now')
  await network.settled()
  const { outbox, pruner } = a.rooms.rooms
  await outbox.done((await outbox.pending(1_000)).map(({ id }) => id))
  if (prunes) {
    const { pruned } = await pruner.turn(roomId, network.clock.now(), undefined)
    assert.equal(pruned, 10)
  }
  return { network, a, b, c, roomId, ids }
}

async function bodyAt(node: ExchangeNode, eventId: EventId): Promise<unknown> {
  return (await node.rooms.pdu(eventId)).content.body
}

/** Everything that a member may ask for events by, as b asks a. */
async function given({ a, b, roomId, ids }: Awaited<ReturnType<typeof setUp>>): Promise<JsonObject[]> {
  const room = encodeURIComponent(roomId)
  const [latest] = await a.engine.forwardExtremities(roomId)
  const v1 = '/_matrix/federation/v1'
  const event = await a.ask(b, 'GET', `${v1}/event/${encodeURIComponent(ids[4] as EventId)}`)
  const backfill = await a.ask(b, 'GET', `${v1}/backfill/${room}?v=${encodeURIComponent(latest as EventId)}&limit=50`)
  const missing = await a.ask(b, 'POST', `${v1}/get_missing_events/${room}`, {
    ...{ earliest_events: [ids[0] as EventId], latest_events: [latest as EventId], limit: 20 },
  })
  return [...(event.pdus as JsonObject[]), ...(backfill.pdus as JsonObject[]), ...(missing.events as JsonObject[])]
}

test('members are given what is pruned in its redacted form: parents, hash and signature, and nothing that was said', async (t) => {
  const scene = await setUp(t)
  const messages = (await given(scene)).filter(({ type }) => type === 'm.room.message')
  const whole = (await scene.b.rooms.pdu(scene.ids[4] as EventId)).json
  assert.ok(messages.length > 15)
  assert.equal(JSON.stringify(messages).includes('long ago'), false)
  const [stub] = messages
  assert.deepEqual(stub?.content, {})
  for (const key of ['prev_events', 'auth_events', 'depth', 'hashes', 'signatures'] as const) {
    assert.deepEqual(stub?.[key], whole[key], key)
  }
})

test('twin: what is not pruned is given whole', async (t) => {
  const scene = await setUp(t, { prunes: false })
  assert.equal(JSON.stringify(await given(scene)).split('long ago').length > 15, true)
})

test('who was away takes the stubs, so that the DAG is whole, and has what was said from a member that keeps it', async (t) => {
  const { network, a, b, c, roomId, ids } = await setUp(t)
  await network.join(c, a)
  assert.deepEqual(await c.engine.inDag(ids), new Set(ids))
  assert.deepEqual(await c.engine.forwardExtremities(roomId), await a.engine.forwardExtremities(roomId))
  assert.equal(await bodyAt(c, ids[4] as EventId), undefined)
  await network.join(c, b)
  assert.deepEqual(
    await Promise.all(ids.map((id) => bodyAt(c, id))),
    ids.map((_, n) => `long ago ${n}`),
  )
  assert.equal(await bodyAt(a, ids[4] as EventId), undefined, 'what was pruned does not come back to who pruned it')
})
