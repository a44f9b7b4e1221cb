import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@starling/testkit'
import { OpenNode } from '../../src/hostile/open-node.ts'
import { topicOfRoom } from '../../src/hostile/stock-stranger.ts'
import { joinWhenInvited } from './private-room.ts'

/** A host, a friend who stays and a third who is banned, over real libp2p; the banned one listens on at the topic all the same. */
for (const admission of ['on', 'off'] as const) {
  const what = admission === 'on' ? 'hears nothing more' : 'reads along where admission is off (twin)'
  test(`over real gossip a banned member that stays connected and subscribed ${what}`, async () => {
    await using things = new AsyncDisposableStack()
    const defences = admission === 'off' ? { defences: { admission } } : {}
    const host = things.use(await OpenNode.start(defences))
    const friend = things.use(await OpenNode.start(defences))
    const banned = things.use(await OpenNode.start())
    const roomId = await host.createRoom()
    for (const guest of [friend, banned]) {
      const server = await guest.meet(host.host.transport.multiaddrs())
      await host.invite(roomId, guest.userId)
      await joinWhenInvited(guest, roomId, server)
    }
    await friend.meet(banned.host.transport.multiaddrs())
    await host.say(roomId, 'to all')
    for (const guest of [friend, banned]) await eventually('all hear', () => guest.heard(roomId, 'to all'))

    const change = { roomId, sender: host.userId, target: banned.userId, membership: 'ban' } as const
    await host.exchange.changeMembership(change)
    await eventually('the friend knows', () => !friend.rooms.engine.isServerJoined(roomId, banned.serverName))
    await eventually('the banned one learns of it', async () => {
      return (await banned.rooms.reader.membership(roomId, banned.userId))?.membership === 'ban'
    })
    const overheard: string[] = []
    banned.host.gossip.subscribe(topicOfRoom(roomId), (_, data) => {
      overheard.push(new TextDecoder().decode(data))
      return 'accept'
    })
    const subscribed = admission === 'off'
    for (let index = 0; index < 5; index++) {
      await host.say(roomId, `among us ${index}`)
      await eventually('the friend hears', () => friend.heard(roomId, `among us ${index}`))
    }
    await friend.say(roomId, 'of the friend')
    await eventually('the host hears', () => host.heard(roomId, 'of the friend'))
    if (subscribed) {
      // Its subscription is known a moment later than it is made.
      await eventually('the banned one reads along', async () => {
        await host.say(roomId, 'once more')
        return overheard.length > 0
      })
    } else assert.deepEqual(overheard, [])
  })
}
