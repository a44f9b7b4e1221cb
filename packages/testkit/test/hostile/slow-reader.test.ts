import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type GossipSub, gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2pHost, type Libp2pHost } from '@starling/node'
import { createLibp2p } from 'libp2p'
import { eventually } from '../../src/eventually.ts'
import { SlowWire } from '../../src/hostile/slow-wire.ts'
import { QuietLogger } from '../../src/test-surroundings.ts'

const TOPIC = 'room'
const MESSAGES = 240
const MESSAGE_BYTES = 200 * 1024
/** Of 47 MB that the slow one does not read, at most so much is held for it: one stream's buffers and windows. */
const HELD_BYTES = 20 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('bad input 74: what waits for a peer that reads one kilobyte a second is let go, and the others get everything', async (t) => {
  const sender = await host(t)
  const address = sender.transport.multiaddrs()[0] ?? ''
  const publish = (data: Uint8Array) => sender.gossip.publish(TOPIC, data)
  sender.gossip.subscribe(TOPIC, () => 'accept')
  const { held, heard } = await floodPastSlowReader(t, address, async (data) => (await publish(data)).recipients)
  assert.equal(heard, MESSAGES)
  // Gossip itself remembers some seconds; a connection that has fallen silent is ended, and with it all that waits for it.
  await eventually('little is kept for the slow one', () => held() < HELD_BYTES, 40_000)
})

test('bad input 74, twin: stock gossipsub keeps everything for it', async (t) => {
  const node = await createLibp2p({
    ...{ addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] }, transports: [tcp()], streamMuxers: [yamux()] },
    ...{ connectionEncrypters: [noise()], connectionMonitor: { enabled: false } },
    services: {
      identify: identify(),
      pubsub: gossipsub({
        globalSignaturePolicy: StrictNoSign,
        floodPublish: true,
        allowPublishToZeroTopicPeers: true,
      }),
    },
  })
  t.after(() => node.stop())
  const pubsub: GossipSub = node.services.pubsub
  pubsub.subscribe(TOPIC)
  const address = node.getMultiaddrs()[0]?.toString() ?? ''
  const { held } = await floodPastSlowReader(
    t,
    address,
    async (data) => (await pubsub.publish(TOPIC, data)).recipients.length,
  )
  // Beyond what gossip remembers for a few seconds anyway.
  await new Promise((resolve) => setTimeout(resolve, 6_000))
  assert.ok(held() > 1.5 * HELD_BYTES, `${held()} bytes are held`)
})

/** One peer on a slow wire, one on a good one, and a flood that only the second reads. */
async function floodPastSlowReader(t: TestContext, address: string, publish: (data: Uint8Array) => Promise<number>) {
  const [slow, fast] = [await host(t), await host(t)]
  let heard = 0
  slow.gossip.subscribe(TOPIC, () => 'accept')
  let isThere = false
  fast.gossip.subscribe(TOPIC, (_from, data) => {
    isThere = true
    if (data.length === MESSAGE_BYTES) heard += 1
    return 'accept'
  })
  const wire = await SlowWire.to(Number(/\/tcp\/(\d+)/.exec(address)?.[1]))
  t.after(() => wire[Symbol.asyncDispose]())
  await fast.transport.dial(address)
  await slow.transport.dial(address.replace(/\/tcp\/\d+/, `/tcp/${wire.port}`))
  await eventually('both are there', async () => (await publish(randomBytes(16))) === 2)
  await eventually('the first arrived', () => isThere)
  wire.slowDown()
  collect()
  const before = process.memoryUsage().arrayBuffers
  for (let n = 1; n <= MESSAGES; n++) {
    await publish(randomBytes(MESSAGE_BYTES))
    if (n % 8 === 0) await eventually(`the good one has ${n}`, () => heard >= n)
  }
  assert.ok(wire.carried < 1_000_000, 'the slow one got next to nothing')
  const held = () => {
    collect()
    return process.memoryUsage().arrayBuffers - before
  }
  return { held, heard }
}

async function host(t: TestContext): Promise<Libp2pHost> {
  const made = await createLibp2pHost({
    ...{ listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, bootstrap: 'none' },
    logger: new QuietLogger(),
  })
  made.gossip.setAdmission(() => true)
  await made.start()
  t.after(() => made.stop())
  return made
}
