import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { eventually, Lan, StarlingProcess, whyNoNamespaces } from '@starling/testkit'
import { missAndCatchUp } from './scenarios/absence.ts'
import {
  changeProfile,
  ENCRYPTED_DIRECT_CHAT,
  leave,
  meetInRoom,
  showPresenceOfMind,
  takeBack,
  talk,
} from './scenarios/conversation.ts'
import { addSecondDevice, meetInSecret } from './scenarios/encrypted-chat.ts'
import { findsByEveryTerm } from './scenarios/find-each-other.ts'
import { type Person, personOn } from './scenarios/person.ts'

/** No address, no bootstrap, no port: what a person who types `npm start` gives. Element is left out only for its download. */
const NO_CONFIGURATION = ['--element-listen', 'off']

const skip = whyNoNamespaces() ?? false

suite('network namespaces on a bridge, no other route, no configuration', { skip }, () => {
  test('two people find each other by mDNS and talk: search, invite, join, messages, typing, receipts, profile, redaction, leave', async () => {
    await using lan = await Lan.create(2)
    await using people = new People(lan)
    const [alice, bob] = [await people.moveIn(0), await people.moveIn(1)]
    await findsByEveryTerm(alice, bob, 'Bob')
    await findsByEveryTerm(bob, alice, 'Alice')
    const roomId = await meetInRoom(alice, bob)
    const eventId = await talk(roomId, alice, bob, 'plain')
    await showPresenceOfMind(roomId, alice, bob, eventId)
    await changeProfile(roomId, bob, alice)
    await takeBack(roomId, alice, bob)
    await leave(roomId, bob, alice)
  })

  test('an encrypted direct chat: both decrypt, also after a node restarts, and with a second device', async () => {
    await using lan = await Lan.create(2)
    await using people = new People(lan)
    const [alice, bob] = [await people.moveIn(0), await people.moveIn(1)]
    await eventually('alice finds bob', async () => (await alice.client.searchUsers(bob.client.userId)).length > 0)
    const roomId = await meetInSecret(alice, bob)
    const before = bob.node.info
    assert.equal(await bob.node.stop(), 0)
    await bob.node.start()
    assert.deepEqual(bob.node.info, { ...before, pid: bob.node.pid }, 'same identity, same PeerId, same addresses')
    await talk(roomId, alice, bob, 'after the restart')
    people.use(await addSecondDevice(roomId, bob, alice))
  })

  test('a node that was stopped while 50 messages were sent has them all, in order, and keeps identity and session', async () => {
    await using lan = await Lan.create(2)
    await using people = new People(lan)
    const [alice, bob] = [await people.moveIn(0), await people.moveIn(1)]
    await eventually('alice finds bob', async () => (await alice.client.searchUsers(bob.client.userId)).length > 0)
    const roomId = await meetInRoom(alice, bob)
    const before = bob.node.info
    await missAndCatchUp(roomId, alice, bob, () => bob.node.start())
    assert.deepEqual([bob.node.info.server_name, bob.node.info.peer_id], [before.server_name, before.peer_id])
  })

  test('a link cut for 30 s with both sending: the same events and the same state on both sides', async () => {
    await using lan = await Lan.create(2)
    await using people = new People(lan)
    const [alice, bob] = [await people.moveIn(0), await people.moveIn(1)]
    await eventually('alice finds bob', async () => (await alice.client.searchUsers(bob.client.userId)).length > 0)
    const roomId = await meetInRoom(alice, bob)
    await lan.cutLink(1)
    const apart = Date.now()
    const expected: string[] = []
    for (let n = 0; Date.now() - apart < 30_000; n++) {
      for (const person of [alice, bob]) {
        const body = `${person === alice ? 'alice' : 'bob'} alone ${n}`
        await person.client.sendText(roomId, body)
        expected.push(body)
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    await lan.healLink(1)
    for (const person of [alice, bob]) {
      const what = `${person.client.userId} has everything`
      await eventually(what, async () => (await said(person, roomId)).length >= expected.length, 60_000)
      assert.deepEqual((await said(person, roomId)).toSorted(), expected.toSorted())
    }
    const [a, b] = await Promise.all([alice, bob].map((person) => person.client.serverState(roomId)))
    assert.deepEqual(a, b)
  })

  test('three nodes in a line, the ends not connected: everybody gets everything, encrypted too', async () => {
    await using lan = await Lan.create(3)
    await lan.dropBetween(0, 2)
    await using people = new People(lan)
    const [alice, bob, carol] = [await people.moveIn(0), await people.moveIn(1), await people.moveIn(2)]
    for (const end of [alice, carol]) {
      await eventually('the middle is found', async () => (await bob.client.searchUsers(end.client.userId)).length > 0)
    }
    for (const options of [{}, ENCRYPTED_DIRECT_CHAT]) {
      const roomId = await meetInRoom(bob, alice, options)
      await bob.client.invite(roomId, carol.client.userId)
      await carol.client.waitForInvite()
      await carol.client.join(roomId)
      const everybody = [alice, bob, carol]
      for (const { client } of everybody) {
        for (const { client: other } of everybody) {
          await client.waitFor({ kind: 'membership', roomId, userId: other.userId, membership: 'join' })
        }
      }
      await talk(roomId, alice, carol, 'end to end')
      await bob.client.waitForText(roomId, 'end to end: hello back')
    }
  })

  test('a private network: the same secret talks, another or none does not', async () => {
    await using lan = await Lan.create(4)
    await using people = new People(lan)
    const alice = await people.moveIn(0, ['--network-secret', 'ours'])
    const bob = await people.moveIn(1, ['--network-secret', 'ours'])
    const other = await people.moveIn(2, ['--network-secret', 'theirs'])
    const open = await people.moveIn(3)
    await eventually('alice finds bob', async () => (await alice.client.searchUsers(bob.client.userId)).length > 0)
    await talk(await meetInRoom(alice, bob), alice, bob, 'private')
    for (const stranger of [other, open]) {
      for (const term of [stranger.client.userId, stranger.node.info.multiaddrs.at(-1) ?? '']) {
        assert.deepEqual(await alice.client.searchUsers(term), [], term)
      }
      assert.deepEqual(await stranger.client.searchUsers(alice.client.userId), [])
      assert.match(stranger.node.command('peers').stdout, /no peers connected/)
    }
  })
})

/** Nodes with their clients on the machines of a LAN; all of them end with the test. */
class People implements AsyncDisposable {
  readonly #things = new AsyncDisposableStack()
  readonly #lan: Lan

  constructor(lan: Lan) {
    this.#lan = lan
  }

  async moveIn(index: number, flags: readonly string[] = []): Promise<Person> {
    const prefix = ['ip', 'netns', 'exec', this.#lan.node(index).namespace.name]
    const node = this.#things.use(await StarlingProcess.start({ prefix, flags: [...NO_CONFIGURATION, ...flags] }))
    const person = await personOn(node, prefix)
    this.#things.use(person.client)
    return person
  }

  use(thing: AsyncDisposable): void {
    this.#things.use(thing)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#things.disposeAsync()
  }
}

/** What was said in a room, as the client has it, oldest first. */
async function said(person: Person, roomId: string): Promise<(string | undefined)[]> {
  return (await person.client.history(roomId)).map((message) => message.body)
}
