import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { PeerId } from '@starling/federation'
import { eventually } from '@starling/testkit'
import { messageId } from './gossip.ts'
import type { Libp2pHost } from './host.ts'
import { openLoopbackHosts } from './testing/loopback-hosts.ts'
import { control, openStockPeer, type Reachable, type StockPeer } from './testing/stock-peer.ts'

/**
 * Bad input 69: a stranger's node, stock gossipsub, tries each way there is to read a room that it is not in. Every test is
 * run twice: with admission as it is, and, as the twin that shows the attack works, with everybody admitted.
 */
const TOPIC = 'room'
const bytes = (text: string) => new TextEncoder().encode(text)

interface Scene {
  readonly alice: Libp2pHost
  readonly bob: Libp2pHost
  readonly stranger: StockPeer
  /** Publishes, waits until the other member has it, and then until the stranger has had its chance. */
  say(from: Libp2pHost, text: string): Promise<void>
}

async function withScene(open: boolean, body: (scene: Scene) => Promise<void>): Promise<void> {
  const { hosts, close } = await openLoopbackHosts(2)
  await using stranger = await openStockPeer()
  const [alice, bob] = hosts
  assert.ok(alice && bob)
  const members = new Set<PeerId>(hosts.map(({ peerId }) => peerId))
  const heard: string[] = []
  for (const host of hosts) {
    host.gossip.setAdmission((peer) => open || members.has(peer))
    host.gossip.subscribe(TOPIC, (_from, data) => {
      heard.push(new TextDecoder().decode(data))
      return 'accept'
    })
  }
  try {
    await alice.transport.dial(bob.transport.multiaddrs()[0] ?? '')
    await stranger.connect(alice)
    await stranger.connect(bob)
    await eventually('the stranger has streams to both', () => hosts.every((host) => stranger.say(host, {})))
    await eventually('members gossip', async () => {
      const { recipients } = await alice.gossip.publish(TOPIC, bytes(`warm-up ${Math.random()}`))
      return recipients > 0 && heard.length > 0
    })
    const say = async (from: Libp2pHost, text: string) => {
      await eventually('a member is there', async () => (await from.gossip.publish(TOPIC, bytes(text))).recipients > 0)
      await eventually('the member has it', () => heard.includes(text))
    }
    await body({ alice, bob, stranger, say })
  } finally {
    await close()
  }
}

/**
 * Two heartbeats: long enough for everything that gossipsub does late (mesh, fan-out, IHAVE). Seen by the RPCs of a third,
 * harmless topic would be no surer: heartbeats are the clock that the leak would run on.
 */
async function heartbeats(stranger: StockPeer): Promise<void> {
  let beats = 0
  const count = () => beats++
  stranger.pubsub.addEventListener('gossipsub:heartbeat', count)
  await eventually('three heartbeats', () => beats >= 3)
  stranger.pubsub.removeEventListener('gossipsub:heartbeat', count)
}

const heardOf = (stranger: StockPeer, text: string) => stranger.received.some((message) => message.text === text)
const namedIn = (stranger: StockPeer) =>
  stranger.rpcs.some(
    ({ control: said }) =>
      said?.graft.some(({ topicID }) => topicID === TOPIC) || said?.ihave.some(({ topicID }) => topicID === TOPIC),
  )

const ATTACKS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async 'subscribes and waits for what is published, forwarded and gossiped'({ alice, bob, stranger, say }) {
    stranger.pubsub.subscribe(TOPIC)
    await heartbeats(stranger)
    await say(alice, 'secret')
    await say(bob, 'secret too')
    await heartbeats(stranger)
  },
  async 'grafts itself into the mesh without subscribing'({ alice, stranger, bob, say }) {
    for (const host of [alice, bob]) stranger.say(host, control({ graft: [{ topicID: TOPIC }] }))
    stranger.pubsub.topicValidators.set(TOPIC, () => 'accept' as never)
    // So that its own gossipsub hands it out; the hosts are told nothing of it.
    Reflect.get(stranger.pubsub, 'subscriptions').add(TOPIC)
    await heartbeats(stranger)
    // Alice's message reaches Bob, who forwards it to his mesh.
    await say(alice, 'secret')
    await heartbeats(stranger)
  },
  async 'asks by IWANT for a message whose id it knows'({ alice, stranger, bob, say }) {
    await say(alice, 'secret')
    Reflect.get(stranger.pubsub, 'subscriptions').add(TOPIC)
    const id = messageId({ type: 'unsigned', topic: TOPIC, data: bytes('secret') })
    for (const host of [alice, bob]) stranger.say(host, control({ iwant: [{ messageIDs: [id] }] }))
    await heartbeats(stranger)
  },
}

suite('confidential gossip', { concurrency: 4 }, () => {
  for (const [attack, run] of Object.entries(ATTACKS)) {
    test(`bad input 69: a stranger that ${attack} receives nothing`, () =>
      withScene(false, async (scene) => {
        await run(scene)
        assert.deepEqual(scene.stranger.received, [])
        assert.equal(namedIn(scene.stranger), false)
      }))

    test(`bad input 69, twin: with admission open, one that ${attack} reads along`, () =>
      withScene(true, async (scene) => {
        await run(scene)
        await eventually('the stranger reads', () => heardOf(scene.stranger, 'secret'))
      }))
  }

  test('who leaves a room receives nothing more; who comes back need not subscribe again', async () => {
    const { hosts, close } = await openLoopbackHosts(1)
    await using member = await openStockPeer()
    const [host] = hosts
    assert.ok(host)
    try {
      let admitted = true
      host.gossip.setAdmission(() => admitted)
      host.gossip.subscribe(TOPIC, () => 'accept')
      member.pubsub.subscribe(TOPIC)
      await member.connect(host)
      const publish = async (text: string) => (await host.gossip.publish(TOPIC, bytes(text))).recipients
      await eventually('joined', async () => (await publish(`in ${Math.random()}`)) > 0)
      await heartbeats(member)
      admitted = false
      host.gossip.reviewAdmission(member.node.peerId.toString() as PeerId)
      member.received.length = 0
      member.rpcs.length = 0
      assert.equal(await publish('after leaving'), 0)
      await heartbeats(member)
      assert.deepEqual(member.received, [])
      assert.equal(namedIn(member), false)
      admitted = true
      host.gossip.reviewAdmission()
      assert.equal(await publish('back'), 1)
      await eventually('received again', () => heardOf(member, 'back'))
    } finally {
      await close()
    }
  })

  /** A flooder sends `middle` a message on a topic that `middle` is not in; what does a reader get out of it? */
  async function leftAt(middle: Reachable): Promise<StockPeer['received']> {
    await using flooder = await openStockPeer()
    await using reader = await openStockPeer()
    await reader.connect(middle)
    await flooder.connect(middle)
    reader.pubsub.subscribe('other')
    await eventually('a stream', () =>
      flooder.say(middle, { messages: [{ topic: 'other', data: bytes('not yours') }] }),
    )
    const id = messageId({ type: 'unsigned', topic: 'other', data: bytes('not yours') })
    await eventually('a stream', () => reader.say(middle, {}))
    await heartbeats(flooder)
    reader.say(middle, control({ iwant: [{ messageIDs: [id] }] }))
    await heartbeats(reader)
    return reader.received
  }

  test('a message for a room that this node is not in is neither kept nor passed on', async () => {
    const { hosts, close } = await openLoopbackHosts(1)
    try {
      hosts[0]?.gossip.setAdmission(() => true)
      assert.ok(hosts[0])
      assert.deepEqual(await leftAt(hosts[0]), [])
    } finally {
      await close()
    }
  })

  test('twin: stock gossipsub keeps and hands out messages of topics that it is not in', async () => {
    await using middle = await openStockPeer({ msgIdFn: messageId })
    assert.deepEqual(await leftAt(middle), [{ topic: 'other', text: 'not yours' }])
  })
})
