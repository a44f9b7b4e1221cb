import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'
import { missAndCatchUp } from './scenarios/absence.ts'
import { changeProfile, leave, meetInRoom, showPresenceOfMind, takeBack, talk } from './scenarios/conversation.ts'
import { addSecondDevice, meetInSecret } from './scenarios/encrypted-chat.ts'
import { findsByEveryTerm } from './scenarios/find-each-other.ts'
import { type Person, personOn } from './scenarios/person.ts'

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
    const roomId = await meetInSecret(alice, bob)
    const before = bob.node.info
    assert.equal(await bob.node.stop(), 0)
    await restartBob(before.client_api)
    assert.deepEqual([bob.node.info.server_name, bob.node.info.peer_id], [before.server_name, before.peer_id])
    await talk(roomId, alice, bob, 'after the restart')
    things.use(await addSecondDevice(roomId, bob, alice))
  })

  test('a node that was away has all 50 messages, in order, and its client is still logged in', async () => {
    const roomId = await meetInRoom(alice, bob)
    const { client_api: address } = bob.node.info
    await missAndCatchUp(roomId, alice, bob, () => restartBob(address))
  })

  /** On the port that its client knows. */
  async function restartBob(address: string): Promise<void> {
    await bob.node.start(['--listen', new URL(address).host])
  }
})
