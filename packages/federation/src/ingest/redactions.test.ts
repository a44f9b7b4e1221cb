import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoServers } from '../../test/two-servers.ts'
import { RoomError } from '../room/room-error.ts'

for (const version of ['10', '12']) {
  test(`version ${version}: a redaction takes the content away, on the disk too, and is shown with the event`, async () => {
    const { a, b, alice, bob, roomId } = await twoServers(version)
    const said = await b.message(roomId, bob, 'a secret')
    await b.give(said, a)
    const redaction = await a.engine.send({
      roomId,
      sender: alice,
      type: 'm.room.redaction',
      content: { reason: 'no' },
      redacts: said,
    })
    await a.give(redaction, b)
    for (const server of [a, b]) {
      const event = await server.reader.event(roomId, said)
      assert.deepEqual(event?.pdu.content, {})
      assert.equal(event?.redactedBecause?.eventId, redaction)
      assert.equal((await server.reader.event(roomId, redaction))?.pdu.redacts, said)
      const rows: string[] = []
      for await (const [, value] of server.store.entries({})) rows.push(Buffer.from(value).toString())
      assert.ok(!rows.some((row) => row.includes('a secret')))
    }
  })
}

test('bad input 49: a redaction by someone without the power is not applied and not shown', async () => {
  const { a, b, alice, bob, roomId, version } = await twoServers()
  const said = await a.message(roomId, alice, 'stays')
  await a.give(said, b)
  const redacts = { sender: bob, type: 'm.room.redaction', redacts: said }
  const redaction = await b.craft(roomId, redacts)
  const verdict = await a.receive(redaction, version)
  assert.equal(verdict.kind, 'accepted', 'the auth rules let it into the DAG')
  assert.deepEqual(await a.bodies(roomId), ['stays'])
  assert.equal((await a.reader.event(roomId, said))?.redactedBecause, undefined)
  assert.equal(await a.reader.event(roomId, verdict.eventId), undefined)
  await assert.rejects(
    b.engine.send({ roomId, sender: bob, type: 'm.room.redaction', content: {}, redacts: said }),
    (error) => error instanceof RoomError && error.code === 'forbidden',
  )

  // The twin: with the power, the very same redaction applies.
  assert.equal((await b.receive(redaction, version)).kind, 'accepted')
  const levels = await a.setState(roomId, alice, 'm.room.power_levels', '', { users: { [bob]: 50 } })
  assert.equal((await a.give(levels, b))[0]?.kind, 'accepted')
  const allowed = await b.engine.send({ roomId, sender: bob, type: 'm.room.redaction', content: {}, redacts: said })
  assert.equal((await b.give(allowed, a))[0]?.kind, 'accepted')
  assert.equal((await a.reader.event(roomId, said))?.redactedBecause?.eventId, allowed)
})

test('a redaction that comes before the event it names waits, and then both are shown', async () => {
  const { a, b, bob, roomId, version, joinId } = await twoServers()
  const said = await b.message(roomId, bob, 'too soon')
  // The redaction stands on the join, not on what it redacts, so that it can come first.
  const redaction = await b.craft(roomId, {
    sender: bob,
    type: 'm.room.redaction',
    redacts: said,
    prevEvents: [joinId],
  })
  const verdict = await a.receive(redaction, version)
  assert.equal(verdict.kind, 'accepted')
  assert.equal(await a.reader.event(roomId, verdict.eventId), undefined)
  assert.equal((await b.give(said, a))[0]?.kind, 'accepted')
  const event = await a.reader.event(roomId, said)
  assert.deepEqual(event?.pdu.content, {})
  assert.equal(event?.redactedBecause?.eventId, verdict.eventId)
  const { events } = await a.reader.timeline(roomId, { direction: 'b', limit: 2 })
  assert.deepEqual(
    events.map(({ pdu }) => pdu.eventId),
    [verdict.eventId, said],
  )
})

test('bad input 59: a redaction of an event in another room is ignored, also when that comes later', async () => {
  const { a, b, alice, bob, roomId, version, joinId } = await twoServers()
  const other = await a.createRoom(alice, version)
  const elsewhere = await a.message(other, alice, 'elsewhere')
  const redaction = await a.craft(roomId, { sender: alice, type: 'm.room.redaction', redacts: elsewhere })
  assert.equal((await a.receive(redaction, version)).kind, 'accepted')
  assert.deepEqual(await a.bodies(other), ['elsewhere'])

  const otherJoin = await b.joinVia(a, other, bob)
  const later = await a.craft(other, {
    sender: alice,
    type: 'm.room.message',
    content: { msgtype: 'm.text', body: 'later' },
  })
  const laterId = (await a.check(later, version)).pdu.eventId
  const early = await b.craft(roomId, { sender: bob, type: 'm.room.redaction', redacts: laterId, prevEvents: [joinId] })
  assert.equal((await a.receive(early, version)).kind, 'accepted')
  assert.equal((await a.receive(later, version)).kind, 'accepted')
  assert.deepEqual(await a.bodies(other), ['elsewhere', 'later'])
  assert.notEqual(otherJoin, joinId)
})

test('a local redaction of something that is not there is refused', async () => {
  const { a, alice, roomId } = await twoServers()
  const redacts = `$${'n'.repeat(43)}` as never
  await assert.rejects(
    a.engine.send({ roomId, sender: alice, type: 'm.room.redaction', content: {}, redacts }),
    (error) => error instanceof RoomError && error.code === 'unknown-event',
  )
})
