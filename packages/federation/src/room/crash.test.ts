import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, KeyValueStore, RoomId, UserId } from '@starling/protocol'
import { CrashingStore } from '../../test/crashing-store.ts'
import { RoomServer } from '../../test/room-server.ts'
import { StoreWriteError } from '../store/database.ts'

interface Acknowledged {
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly txnId: string
}

/** Sends of two users to two rooms, many at once; resolves with what was acknowledged. */
async function load(
  server: RoomServer,
  rooms: readonly RoomId[],
  user: UserId,
  rounds: number,
): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  for (let round = 0; round < rounds; round++) {
    const sends = rooms.flatMap((roomId) =>
      [0, 1, 2].map(async (n) => {
        const txnId = `${round}.${n}`
        const draft =
          n === 2
            ? { roomId, sender: user, type: 'm.room.topic', stateKey: '', content: { topic: txnId } }
            : { roomId, sender: user, type: 'm.room.message', content: { msgtype: 'm.text', body: txnId } }
        const eventId = await server.engine.send(draft, { transaction: { userId: user, deviceId: 'D', txnId } })
        acknowledged.push({ roomId, eventId, txnId })
      }),
    )
    for (const outcome of await Promise.allSettled(sends)) {
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof StoreWriteError, String(outcome.reason))
    }
  }
  return acknowledged
}

/** Everything acknowledged is there, once and in order, and the rooms are whole: the next event is taken by another server too. */
async function assertWhole(
  server: RoomServer,
  rooms: readonly RoomId[],
  user: UserId,
  acknowledged: readonly Acknowledged[],
) {
  for (const roomId of rooms) {
    const { events } = await server.reader.timeline(roomId, { direction: 'f', limit: 1_000 })
    const ids = events.map(({ pdu }) => pdu.eventId)
    assert.equal(new Set(ids).size, ids.length)
    const mine = acknowledged.filter((one) => one.roomId === roomId)
    for (const { eventId } of mine) assert.ok(ids.includes(eventId), 'an acknowledged event is lost')
    const known = new Set<EventId>()
    for (const { pdu } of events) {
      assert.ok(
        pdu.prevEvents.every((parent) => known.has(parent)),
        'an event stands on a lost one',
      )
      known.add(pdu.eventId)
    }
    const extremities = await server.engine.forwardExtremities(roomId)
    assert.deepEqual(extremities, [ids.at(-1)])
    const topic = events.filter(({ pdu }) => pdu.type === 'm.room.topic').at(-1)?.pdu.eventId
    assert.equal((await server.reader.stateEvent(roomId, 'm.room.topic', ''))?.pdu.eventId, topic)
    for (const { eventId, txnId } of mine) {
      const type = (await server.pdu(eventId)).type
      const draft = { roomId, sender: user, type, content: {}, ...(type === 'm.room.topic' ? { stateKey: '' } : {}) }
      const transaction = { userId: user, deviceId: 'D', txnId }
      assert.equal(await server.engine.send(draft, { transaction }), eventId, 'bad input 14: a retry after the crash')
    }
    assert.ok(await server.message(roomId, user, 'and on it goes'))
  }
}

async function prepared(store: KeyValueStore) {
  const server = await RoomServer.open('alpha.test', { store })
  const user = server.user('alice')
  const rooms = [await server.createRoom(user, '12'), await server.createRoom(user, '10')]
  return { server, user, rooms }
}

test('bad input 77: after a crash between any two writes nothing acknowledged is lost and no half batch is there', async () => {
  const dry = new CrashingStore(() => false)
  const { server, user, rooms } = await prepared(dry)
  const created = dry.batches
  await load(server, rooms, user, 5)
  const total = dry.batches
  assert.ok(total - created >= 5, 'the load makes several flushes')
  for (let crash = created + 1; crash <= total + 1; crash++) {
    const store = new CrashingStore((batch) => batch >= crash)
    const before = await prepared(store)
    const acknowledged = await load(before.server, before.rooms, before.user, 5)
    const after = await RoomServer.open('alpha.test', { store: store.clone() })
    await assertWhole(after, before.rooms, before.user, acknowledged)
  }
})

test('a flush that fails once loses what it held, and the server goes on from what is on the disk', async () => {
  const dry = new CrashingStore(() => false)
  const { server, user, rooms } = await prepared(dry)
  const created = dry.batches
  await load(server, rooms, user, 5)
  for (let failure = created + 1; failure <= dry.batches; failure++) {
    const store = new CrashingStore((batch) => batch === failure)
    const running = await prepared(store)
    const acknowledged = await load(running.server, running.rooms, running.user, 5)
    assert.ok(acknowledged.length < 5 * 6, 'a failure was seen')
    await assertWhole(running.server, running.rooms, running.user, acknowledged)
    const current = running.server.rooms.positions.current()
    const pending = running.server.rooms.positions.allocate()
    pending.done({})
    assert.equal(running.server.rooms.positions.current(), current + 1, 'no position is left open')
  }
})

test('the outbox holds what another server should get until it is done, also after a restart', async () => {
  const keys = new Map()
  const store = new CrashingStore(() => false)
  const a = await RoomServer.open('alpha.test', { keys, store })
  const b = await RoomServer.open('beta.test', { keys })
  const alice = a.user('alice')
  const roomId = await a.createRoom(alice)
  assert.deepEqual(await a.rooms.outbox.pending(10), [], 'nobody else is in the room')
  const told: string[] = []
  a.engine.watch({ localEvent: (_, { eventId }) => told.push(eventId) })
  await b.joinVia(a, roomId, b.user('bob'))
  const ids = [await a.message(roomId, alice, 'one'), await a.message(roomId, alice, 'two')]
  assert.deepEqual(told, ids)
  const again = await RoomServer.open('alpha.test', { keys, store: store.clone() })
  const pending = await again.rooms.outbox.pending(10)
  assert.deepEqual(
    pending.map(({ pdu }) => pdu.eventId),
    ids,
  )
  const [first = assert.fail(), second] = pending
  assert.deepEqual(await again.rooms.outbox.pending(10, first.id), [second])
  await again.rooms.outbox.done([first.id])
  assert.deepEqual(await again.rooms.outbox.pending(10), [second])
})
