import assert from 'node:assert/strict'
import { test } from 'node:test'
import { transportContract } from './contracts/transport-contract.ts'
import { MemoryNetwork } from './memory-transport.ts'
import type { MemoryHost } from './memory-transport-host.ts'

const ports = (host: MemoryHost) => ({ transport: host, gossip: host.gossip, rendezvous: host })

transportContract('memory transport', async () => {
  const network = new MemoryNetwork()
  return {
    hosts: [ports(network.host('a')), ports(network.host('b')), ports(network.host('c'))],
    close: async () => undefined,
  }
})

test('a cut closes connections and refuses dials until it is healed', async () => {
  const network = new MemoryNetwork()
  const [a, b] = [network.host('a'), network.host('b')]
  await network.connect(a, b)
  await network.partition([a], [b])
  assert.deepEqual([a.connectedPeers(), b.connectedPeers()], [[], []])
  await assert.rejects(a.dial(b.peerId), { name: 'MemoryTransportError', code: 'unreachable' })
  await network.heal()
  assert.deepEqual(a.connectedPeers(), ['b'])
})

test('losses are seeded: some messages arrive, some do not, the same ones in every run', async () => {
  const run = async () => {
    const network = new MemoryNetwork({ gossipLoss: 0.3, seed: 5 })
    const [a, b] = [network.host('a'), network.host('b')]
    const received: number[] = []
    a.gossip.setAdmission(() => true)
    b.gossip.subscribe('t', (_from, data) => {
      received.push(data[0] ?? 0)
      return 'accept'
    })
    await network.connect(a, b)
    await network.settled()
    for (let i = 0; i < 100; i++) await a.gossip.publish('t', Uint8Array.of(i))
    await network.settled()
    return { received, lost: network.lost }
  }
  const first = await run()
  assert.ok(first.lost > 10 && first.received.length === 100 - first.lost)
  assert.deepEqual(await run(), first)
})
