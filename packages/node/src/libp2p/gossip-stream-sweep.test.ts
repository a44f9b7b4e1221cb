import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { eventually } from '@starling/testkit'
import { gossipInternals } from './gossip-internals.ts'
import { sweepGossipStreams } from './gossip-stream-sweep.ts'
import { openStockPeer, type StockPeer } from './testing/stock-peer.ts'

/** Two stock gossipsub peers on one topic that hear each other, with the sweep on both or on none. */
async function withPair(swept: boolean, body: (a: StockPeer, b: StockPeer) => Promise<void>): Promise<void> {
  await using a = await openStockPeer()
  await using b = await openStockPeer()
  const sweeps = swept ? [a, b].map(sweep) : []
  for (const peer of [a, b]) peer.pubsub.subscribe('room')
  await a.connect(b)
  try {
    await hears(b, a)
    await hears(a, b)
    await body(a, b)
  } finally {
    for (const { stop } of sweeps) stop()
  }
}

const sweep = ({ node, pubsub }: StockPeer) =>
  sweepGossipStreams(
    gossipInternals(pubsub),
    {
      peers: () => node.getPeers(),
      connectionsOf: (peer) => node.getConnections(peer),
      returned: () => undefined,
    },
    200,
  )

async function publish(from: StockPeer): Promise<string> {
  const text = `${Math.random()}`
  await from.pubsub.publish('room', new TextEncoder().encode(text))
  return text
}

async function hears(listener: StockPeer, speaker: StockPeer): Promise<void> {
  await eventually('heard', async () => {
    const text = await publish(speaker)
    await new Promise((resolve) => setTimeout(resolve, 100))
    return listener.received.some((message) => message.text === text)
  })
}

/** Five heartbeats of trying: what is not repaired by then is not repaired. */
async function staysDeaf(listener: StockPeer, speaker: StockPeer): Promise<void> {
  const before = listener.received.length
  let beats = 0
  speaker.pubsub.addEventListener('gossipsub:heartbeat', () => beats++)
  await eventually('heartbeats', async () => {
    await publish(speaker)
    await new Promise((resolve) => setTimeout(resolve, 200))
    return beats >= 5
  })
  assert.equal(listener.received.length, before)
}

/** Makes a second connection and closes the one that a's gossip goes over; the peers stay connected. */
async function loseCarrier(a: StockPeer, b: StockPeer): Promise<void> {
  const carries = (connection: Connection) =>
    connection.streams.some(({ protocol, direction }) => protocol.includes('meshsub') && direction === 'outbound')
  let identified = 0
  for (const { node } of [a, b]) node.addEventListener('peer:identify', () => identified++)
  await a.node.dial(b.node.getMultiaddrs(), { force: true })
  // Until then gossipsub would still be told of the new connection, and would open a stream on it.
  await eventually('both know the second connection', () => identified >= 2)
  const carrier = a.node.getConnections().find(carries)
  assert.ok(carrier)
  await carrier.close()
  await eventually('one connection is left', () => a.node.getConnections().length === 1)
}

/** A frame that claims 5 MiB, over gossipsub's limit. */
function sayTooMuch(from: StockPeer, to: StockPeer): void {
  const stream = Reflect.get(from.pubsub, 'streamsOutbound').get(to.node.peerId.toString())
  stream.pushPrefixed(Uint8Array.of(0x80, 0x80, 0xc0, 0x02))
}

test('GOTCHAS 3: gossip survives the closing of the one of two connections that carried it', async () => {
  await withPair(true, async (a, b) => {
    await loseCarrier(a, b)
    await hears(b, a)
    await hears(a, b)
  })
})

test('GOTCHAS 3, twin: without the sweep it goes one way for good', async () => {
  await withPair(false, async (a, b) => {
    await loseCarrier(a, b)
    await staysDeaf(b, a)
  })
})

test('GOTCHAS 11: after an oversize frame gossip comes back', async () => {
  await withPair(true, async (a, b) => {
    sayTooMuch(a, b)
    await eventually('the frame had its effect', () => !Reflect.get(b.pubsub, 'peers').has(a.node.peerId.toString()))
    await hears(b, a)
    await hears(a, b)
  })
})

test('GOTCHAS 11, twin: without the sweep an oversize frame ends gossip with that peer', async () => {
  await withPair(false, async (a, b) => {
    sayTooMuch(a, b)
    await eventually('the frame had its effect', () => !Reflect.get(b.pubsub, 'peers').has(a.node.peerId.toString()))
    await staysDeaf(b, a)
  })
})
