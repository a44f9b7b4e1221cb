import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'

const INVITE_ONLY = [{ type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } }]

for (const version of ['10', '11', '12']) {
  test(`invite, join, messages both ways, the same state on both (room version ${version})`, async (t) => {
    const network = new ExchangeNetwork()
    t.after(() => network.stop())
    const a = await network.add('a')
    const b = await network.add('b')
    const roomId = await a.rooms.createRoom(a.user(), version, INVITE_ONLY)
    await a.rooms.message(roomId, a.user(), 'before')
    const { eventId } = await a.invite(roomId, b.user())
    assert.ok(eventId)
    assert.equal(await b.membership(roomId, b.user()), 'invite')
    const signatures = (await a.rooms.pdu(eventId)).json.signatures
    assert.deepEqual(Object.keys(signatures).sort(), ['a', 'b'])

    await b.join(roomId)
    await network.settled()
    assert.equal(await a.membership(roomId, b.user()), 'join')
    await a.rooms.message(roomId, a.user(), 'from a')
    await network.settled()
    await b.rooms.message(roomId, b.user(), 'from b')
    await network.settled()
    assert.deepEqual(await a.rooms.stateOf(roomId), await b.rooms.stateOf(roomId))
    assert.deepEqual((await b.rooms.bodies(roomId)).slice(-2), ['from a', 'from b'])
    assert.deepEqual((await a.rooms.bodies(roomId)).slice(-2), ['from a', 'from b'])
  })
}
