import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { eventually, PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'
import {
  changeProfile,
  ENCRYPTED_DIRECT_CHAT,
  leave,
  meetInRoom,
  showPresenceOfMind,
  takeBack,
  talk,
} from './scenarios/conversation.ts'
import { findsByEveryTerm } from './scenarios/find-each-other.ts'
import { type Person, personOn, secondDevice } from './scenarios/person.ts'

const FLAGS = [...PRIVATE_FLAGS, '--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0']

suite('two real nodes on loopback, through matrix-js-sdk', () => {
  const things = new AsyncDisposableStack()
  let alice: Person
  let bob: Person

  before(async () => {
    const aliceNode = things.use(await StarlingProcess.start({ flags: FLAGS }))
    const friends = aliceNode.info.multiaddrs.join(',')
    const bobNode = things.use(await StarlingProcess.start({ flags: [...FLAGS, '--bootstrap', friends] }))
    alice = await personOn(aliceNode)
    things.use(alice.client)
    bob = await personOn(bobNode)
    things.use(bob.client)
  })
  after(() => things.disposeAsync())

  test('each finds the other by name with suffix, by user id and by PeerId', async () => {
    await findsByEveryTerm(alice, bob, 'Bob')
    await findsByEveryTerm(bob, alice, 'Alice')
  })

  test('invite, join, messages both ways, typing, receipts, profile, redaction, leave', async () => {
    const roomId = await meetInRoom(alice, bob)
    const eventId = await talk(roomId, alice, bob, 'plain')
    await showPresenceOfMind(roomId, alice, bob, eventId)
    await changeProfile(roomId, bob, alice)
    await takeBack(roomId, alice, bob)
    await leave(roomId, bob, alice)
  })

  test('an encrypted direct chat goes on after a restart of a node and with a second device', async () => {
    const roomId = await meetInRoom(alice, bob, ENCRYPTED_DIRECT_CHAT)
    const { isDirectWith } = await bob.client.room(roomId)
    assert.equal(isDirectWith, alice.client.userId, 'a joined invite to a direct chat is still known as one')
    await talk(roomId, alice, bob, 'secret')
    assert.equal((await bob.client.waitForText(roomId, 'secret: hello')).encrypted, true)

    const before = bob.node.info
    assert.equal(await bob.node.stop(), 0)
    await bob.node.start(['--listen', new URL(before.client_api).host])
    assert.deepEqual([bob.node.info.server_name, bob.node.info.peer_id], [before.server_name, before.peer_id])
    await talk(roomId, alice, bob, 'after the restart')

    const tablet = things.use(await secondDevice(bob))
    await eventually('the other node knows both devices', async () => {
      const devices = await alice.client.devicesOf(bob.client.userId)
      return devices.includes(tablet.deviceId) && devices.includes(bob.client.deviceId)
    })
    await alice.client.sendText(roomId, 'for both of your devices')
    await tablet.waitForText(roomId, 'for both of your devices')
    await bob.client.waitForText(roomId, 'for both of your devices')
    await tablet.sendText(roomId, 'from the tablet')
    assert.equal((await alice.client.waitForText(roomId, 'from the tablet')).encrypted, true)
  })

  test('a node that was away has all 50 messages, in order, and its client is still logged in', async () => {
    const roomId = await meetInRoom(alice, bob)
    const before = bob.node.info
    await bob.node.stop()
    const sent = Array.from({ length: 50 }, (_, n) => `while you were away ${n}`)
    for (const body of sent) await alice.client.sendText(roomId, body)
    await bob.node.start(['--listen', new URL(before.client_api).host])
    await bob.client.waitForText(roomId, sent.at(-1) ?? '')
    const messages = await bob.client.history(roomId)
    assert.deepEqual(
      messages.map((message) => message.body),
      sent,
    )
  })
})
