/** A libp2p host in a namespace, driven by a test. Options come as JSON in the first argument. */
import { createHash } from 'node:crypto'
import type { PeerId } from '@starling/federation'
import { serveNamespaceProcess } from '@starling/testkit'
import { createLibp2pHost } from '../host.ts'
import type { Libp2pHostOptions } from '../libp2p-host-options.ts'
import { SILENT } from './loopback-hosts.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as Partial<Libp2pHostOptions>
const host = await createLibp2pHost({ ...options, logger: SILENT })
const received: { topic: string; from: PeerId; text: string }[] = []
const LIMITS = { maxRequestBytes: 16 * 1024 * 1024, maxConcurrentPerPeer: 8, timeoutMs: 20_000 } as const
await host.transport.handleRequests('/test/echo', LIMITS, async (_from, request) => request)
host.gossip.setAdmission(() => true)
host.setRelayAdmission(() => true)
const startedIn = await timed(() => host.start())

serveNamespaceProcess({
  info: () => ({ peerId: host.peerId, multiaddrs: host.transport.multiaddrs(), startedIn, listening: host.listening }),
  peers: () => host.transport.connectedPeers(),
  dial: ({ target, timeoutMs = 10_000 }: { target: string; timeoutMs?: number }) =>
    host.transport.dial(target, { signal: AbortSignal.timeout(timeoutMs) }),
  /** Sends so many bytes there and back; returns whether the same came back. */
  async echo({ peer, bytes }: { peer: PeerId; bytes: number }): Promise<boolean> {
    const request = Buffer.alloc(bytes, createHash('sha256').update(peer).digest())
    const answer = await host.transport.request(peer, '/test/echo', request)
    return request.equals(answer)
  },
  advertise: ({ points }: { points: string[] }) => host.rendezvous.advertise(points),
  async find({ point, timeoutMs = 5000 }: { point: string; timeoutMs?: number }): Promise<PeerId[]> {
    const found: PeerId[] = []
    const signal = AbortSignal.timeout(timeoutMs)
    for await (const { peerId } of host.rendezvous.find(point, { signal })) found.push(peerId)
    return found
  },
  subscribe({ topic }: { topic: string }): void {
    host.gossip.subscribe(topic, (from, data) => {
      received.push({ topic, from, text: new TextDecoder().decode(data) })
      return 'accept'
    })
  },
  publish: ({ topic, text }: { topic: string; text: string }) =>
    host.gossip.publish(topic, new TextEncoder().encode(text)),
  received: () => received,
  memory: () => process.memoryUsage().rss,
  stop: () => host.stop(),
})

async function timed(work: () => Promise<void>): Promise<number> {
  const before = performance.now()
  await work()
  return Math.round(performance.now() - before)
}
