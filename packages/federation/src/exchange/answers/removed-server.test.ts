import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, RoomId } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode } from '../../../test/exchange-network.ts'

/** A room of `a` with `b` in it, who misses so many events and then, still away, its own removal. */
async function removedWhileAway(t: TestContext, missed: number, membership: 'leave' | 'ban') {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const [a, b] = [await network.add('a'), await network.add('b')]
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  network.cut(a, b)
  for (let number = 0; number < missed; number++) await a.rooms.message(roomId, a.user(), `missed ${number}`)
  // The removal is authorised by an event that was missed as well.
  await a.rooms.setState(roomId, a.user(), 'm.room.member', a.user(), { membership: 'join', displayname: 'A' })
  await a.change({ roomId, sender: a.user(), target: b.user(), membership })
  const removal = (await a.rooms.reader.stateEvent(roomId, 'm.room.member', b.user()))?.pdu
  assert.ok(removal)
  await network.settled()
  network.restore(a, b)
  return { network, a, b, roomId, removal }
}

for (const membership of ['leave', 'ban'] as const) {
  for (const missed of [0, 3, 250]) {
    test(`a "${membership}" is taken in by the server that missed ${missed} events before it`, async (t) => {
      const { network, a, b, roomId, removal } = await removedWhileAway(t, missed, membership)
      await b.hear(removal.json, roomId, a.name)
      await network.settled()
      assert.equal((await b.rooms.reader.membership(roomId, b.user()))?.membership, membership)
      assert.equal(b.rooms.rooms.engine.isServerJoined(roomId, b.name), false)
    })
  }
}

test('a removed server is told what led to its removal, and nothing of what came then', async (t) => {
  const { a, b, roomId, removal } = await removedWhileAway(t, 3, 'ban')
  const after = await a.rooms.message(roomId, a.user(), 'behind its back')
  const missing = (latest: EventId) => ask(a, b, roomId, latest)
  assert.equal((await missing(removal.eventId)).length, 4)
  const forbidden = { code: 'refused', status: 403, errcode: 'M_FORBIDDEN' }
  await assert.rejects(missing(after), forbidden)
  const uri = `/_matrix/federation/v1/event/${encodeURIComponent(after)}`
  await assert.rejects(a.ask(b, 'GET', uri), forbidden)
  await a.rooms.setState(roomId, a.user(), 'm.room.server_acl', '', { allow: ['*'], deny: ['b'] })
  await assert.rejects(missing(removal.eventId), forbidden, 'a denied server is told nothing at all')
})

async function ask(a: ExchangeNode, b: ExchangeNode, roomId: RoomId, latest: EventId): Promise<readonly unknown[]> {
  const uri = `/_matrix/federation/v1/get_missing_events/${encodeURIComponent(roomId)}`
  const known = await b.rooms.rooms.engine.forwardExtremities(roomId)
  const answer = await a.ask(b, 'POST', uri, { latest_events: [latest], earliest_events: [...known], limit: 100 })
  return answer.events as readonly unknown[]
}
