import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopicValidatorResult } from '@libp2p/gossipsub'
import type { Stream } from '@libp2p/interface'
import { eventually } from '@starling/testkit'
import { ANNOUNCED_TOPICS_LIMITS } from './announced-topics.ts'
import { CONFIDENTIAL_GOSSIP_LIMITS } from './confidential-gossip.ts'
import { gossipsubOptions, MAX_OUTBOUND_BYTES, messageId } from './gossip.ts'
import type { Libp2pHost } from './host.ts'
import { openLoopbackHosts } from './testing/loopback-hosts.ts'
import { control, openStockPeer, type Reachable, type StockPeer } from './testing/stock-peer.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** As long as a SHA-256 in base64url. */
const topicName = (index: number) => `room-${index}`.padEnd(43, '-')

async function onLoopback(count: number, body: (...hosts: readonly Libp2pHost[]) => Promise<void>): Promise<void> {
  const { hosts, close } = await openLoopbackHosts(count)
  try {
    for (const host of hosts) host.gossip.setAdmission(() => true)
    await body(...hosts)
  } finally {
    await close()
  }
}

const dial = (from: Libp2pHost | undefined, to: Libp2pHost | undefined) =>
  from?.transport.dial(to?.transport.multiaddrs()[0] ?? '')

test('GOTCHAS 10: two hosts share 5,000 rooms, and the last one works as the first', async () => {
  await onLoopback(2, async (a, b) => {
    assert.ok(a && b)
    const heard = new Set<string>()
    for (let index = 0; index < 5000; index++) {
      a.gossip.subscribe(topicName(index), () => 'accept')
      b.gossip.subscribe(topicName(index), () => {
        heard.add(topicName(index))
        return 'accept'
      })
    }
    await dial(a, b)
    for (const index of [0, 2500, 4999]) {
      await eventually('a subscriber', async () => {
        const { recipients } = await a.gossip.publish(topicName(index), bytes(`hello ${index}`))
        return recipients > 0
      })
      await eventually('heard', () => heard.has(topicName(index)))
    }
  })
})

test('GOTCHAS 10, twin: stock gossipsub counts about 1,000 of them and says nothing', async () => {
  await onLoopback(1, async (host) => {
    assert.ok(host)
    await using stock = await openStockPeer()
    for (let index = 0; index < 2000; index++) host.gossip.subscribe(topicName(index), () => 'accept')
    await stock.connect(host)
    await eventually('subscriptions', () => stock.pubsub.getSubscribers(topicName(0)).length > 0)
    await eventually('all said', () => stock.rpcs.reduce((sum, rpc) => sum + rpc.subscriptions.length, 0) >= 2000)
    const counted = Array.from({ length: 2000 }, (_, index) => stock.pubsub.getSubscribers(topicName(index)).length)
    assert.ok(counted.filter((subscribers) => subscribers > 0).length < 1100)
    assert.equal(counted[1999], 0)
  })
})

test('bad input 66: a flood of subscriptions is capped per peer, and an honest one still counts', async () => {
  await onLoopback(1, async (host) => {
    assert.ok(host)
    await using flooder = await openStockPeer()
    await using honest = await openStockPeer()
    let counted = 0
    host.gossip.setAdmission((_peer, topic) => {
      if (topic.startsWith('flood')) counted++
      return true
    })
    host.gossip.subscribe('room', () => 'accept')
    await flooder.connect(host)
    await eventually('a stream', () => flooder.say(host, {}))
    for (let frame = 0; frame < 30; frame++) {
      const subscriptions = Array.from({ length: 5000 }, (_, index) => ({
        topic: `flood ${frame} ${index}`,
        subscribe: true,
      }))
      flooder.say(host, { subscriptions })
    }
    honest.pubsub.subscribe('room')
    await honest.connect(host)
    await eventually(
      'honest',
      async () => (await host.gossip.publish('room', bytes(`${Math.random()}`))).recipients > 0,
    )
    await eventually('the flood is in', () => counted >= ANNOUNCED_TOPICS_LIMITS.maxTopicsPerPeer)
    flooder.say(host, { subscriptions: [{ topic: 'flood end', subscribe: true }] })
    await eventually('heard to the end', async () => {
      await host.gossip.publish('room', bytes(`${Math.random()}`))
      return honest.received.length > 2
    })
    assert.equal(counted, ANNOUNCED_TOPICS_LIMITS.maxTopicsPerPeer)
  })
})

test('GOTCHAS 11: what is too large is refused before it is sent, and dropped when it comes', async () => {
  await onLoopback(1, async (host) => {
    assert.ok(host)
    const limit = CONFIDENTIAL_GOSSIP_LIMITS.maxMessageBytes
    await assert.rejects(host.gossip.publish('room', new Uint8Array(limit + 1)), { code: 'too-large' })
    const sizes: number[] = []
    host.gossip.subscribe('room', (_from, data) => {
      sizes.push(data.byteLength)
      return 'accept'
    })
    await using peer = await openStockPeer()
    await peer.connect(host)
    const send = (size: number) => peer.say(host, { messages: [{ topic: 'room', data: new Uint8Array(size) }] })
    await eventually('a stream', () => send(1))
    send(limit + 1)
    send(limit)
    await eventually('the last one', () => sizes.includes(limit))
    assert.deepEqual(sizes, [1, limit])
  })
})

test('GOTCHAS 11: an answer to IWANT stays under the size that would cut the asker off', async () => {
  await onLoopback(1, async (host) => {
    assert.ok(host)
    host.gossip.subscribe('room', () => 'accept')
    await using member = await openStockPeer()
    await using asker = await openStockPeer()
    await Promise.all([member.connect(host), asker.connect(host)])
    await eventually('streams', () => member.say(host, {}) && asker.say(host, {}))
    member.pubsub.subscribe('room')
    const messages = (round: number) =>
      Array.from({ length: 24 }, (_, index) => new Uint8Array(200_000).fill(index).fill(round, 0, 10))
    let round = 0
    // Again with fresh messages, should the machine be so slow that the cache has expired before they are asked for.
    await eventually('an answer', async () => {
      const batch = messages(round++)
      for (const data of batch) await host.gossip.publish('room', data)
      const messageIDs = batch.map((data) => messageId({ type: 'unsigned', topic: 'room', data }))
      asker.rpcs.length = 0
      asker.say(host, control({ iwant: [{ messageIDs }] }))
      await heartbeats(asker, 1)
      return asker.rpcs.some((rpc) => rpc.messages.length > 0)
    })
    const answered = asker.rpcs.flatMap((rpc) => rpc.messages)
    assert.ok(answered.length > 0 && answered.length < 24)
  })
})

/** Runs of the victim's validator for 500 invalid messages, sent once the sender has been judged for 200 of them. */
async function runsAfterJudgement(victim: Reachable, runs: () => number): Promise<number> {
  await using flooder = await openStockPeer()
  await flooder.connect(victim)
  await eventually('a stream', () => flooder.say(victim, {}))
  const flood = (from: number, to: number) => {
    for (let index = from; index < to; index++) {
      flooder.say(victim, { messages: [{ topic: 'room', data: Uint8Array.of(0, index & 255, index >> 8) }] })
    }
  }
  flood(0, 200)
  await eventually('validated', () => runs() === 200)
  // Scores are computed once per heartbeat.
  await heartbeats(flooder, 3)
  flood(200, 700)
  await heartbeats(flooder, 2)
  return runs() - 200
}

async function heartbeats(peer: StockPeer, count: number): Promise<void> {
  let beats = 0
  const onBeat = () => beats++
  peer.pubsub.addEventListener('gossipsub:heartbeat', onBeat)
  await eventually('heartbeats', () => beats >= count)
  peer.pubsub.removeEventListener('gossipsub:heartbeat', onBeat)
}

test('bad input 61: who sends invalid messages is not listened to any more, others are', async () => {
  await onLoopback(1, async (host) => {
    assert.ok(host)
    let invalid = 0
    let valid = 0
    host.gossip.subscribe('room', (_from, data) => {
      if (data[0] !== 0) valid++
      else invalid++
      return data[0] === 0 ? 'reject' : 'accept'
    })
    assert.equal(await runsAfterJudgement(host, () => invalid), 0)
    await using honest = await openStockPeer()
    await honest.connect(host)
    await eventually('a stream', () => honest.say(host, { messages: [{ topic: 'room', data: bytes('honest') }] }))
    await eventually('the honest one is heard', () => valid === 1)
  })
})

test('bad input 61, twin: stock gossipsub, whose topics have no scores, listens on', async () => {
  await using victim = await openStockPeer({ msgIdFn: messageId })
  let invalid = 0
  victim.pubsub.topicValidators.set('room', () => {
    invalid++
    return TopicValidatorResult.Reject
  })
  victim.pubsub.subscribe('room')
  assert.equal(await runsAfterJudgement(victim, () => invalid), 500)
})

for (const bounded of [true, false]) {
  const what = bounded ? 'costs a bounded buffer' : 'fills the memory where gossipsub is left as it is (twin)'
  test(`a peer that stops reading its gossip ${what}`, async () => {
    await using a = await openStockPeer(bounded ? { maxOutboundBufferSize: MAX_OUTBOUND_BYTES } : {})
    await using slow = await openStockPeer()
    const topic = topicName(0)
    for (const peer of [a, slow]) peer.pubsub.subscribe(topic)
    await slow.connect(a)
    await eventually('it listens', () => a.pubsub.getSubscribers(topic).length === 1)
    const inbound = await eventually('it reads', () => streamsOf(slow, 'streamsInbound').get(a.node.peerId.toString()))
    const outbound = await eventually('it is written to', () =>
      streamsOf(a, 'streamsOutbound').get(slow.node.peerId.toString()),
    )
    inbound.rawStream.pause()
    let most = 0
    for (let index = 0; index < 100; index++) {
      const data = new Uint8Array(200 * 1024)
      data[0] = index
      await a.pubsub.publish(topic, data)
      most = Math.max(most, outbound.rawStream.writeBufferLength)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(most <= MAX_OUTBOUND_BYTES, bounded, `${most} bytes waited for it`)
    assert.equal(outbound.rawStream.status === 'open', !bounded, 'beyond the bound the stream is given up')
  })
}

type Streams = ReadonlyMap<string, { readonly rawStream: Stream }>

function streamsOf(peer: StockPeer, which: 'streamsInbound' | 'streamsOutbound'): Streams {
  return (peer.pubsub as unknown as Readonly<Record<typeof which, Streams>>)[which]
}

test('our gossip has that bound', () => {
  assert.equal(gossipsubOptions().maxOutboundBufferSize, MAX_OUTBOUND_BYTES)
})
