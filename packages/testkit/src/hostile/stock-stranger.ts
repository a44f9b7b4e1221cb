import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { type GossipSub, gossipsub, StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import { identify } from '@libp2p/identify'
import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { eventually } from '../eventually.ts'

/** The gossip topic of a room, for somebody who was told its id (docs/ARCHITECTURE.md, gossip). */
export function topicOfRoom(roomId: string): string {
  return createHash('sha256').update(`starling/room/1\n${roomId}`).digest().subarray(0, 16).toString('base64url')
}

/** A message's id on Starling's topics, for somebody who has its bytes. */
export function messageIdOf(topic: string, data: Uint8Array): Uint8Array {
  return createHash('sha256').update(topic).update('\0').update(data).digest().subarray(0, 20)
}

interface GossipInside {
  sendRpc(peer: string, rpc: RPC): boolean
  handleReceivedRpc(from: unknown, rpc: RPC): Promise<void>
  readonly subscriptions: Set<string>
}

/** What a probe of a stream got back before the other side closed it or fell silent. */
export interface StreamAnswer {
  readonly opened: boolean
  readonly bytes: Uint8Array
}

/** A node of somebody else: libp2p and gossipsub as they come, no Starling on it; says whatever it is told to. */
export class StockStranger implements AsyncDisposable {
  readonly node: Libp2p
  /** Text of every message that came, on any topic, whether or not gossipsub delivered it. */
  readonly heard: string[] = []
  /** Every GRAFT and IHAVE that named a topic: `graft <topic>`, `ihave <topic>`. */
  readonly told: string[] = []
  readonly #gossip: GossipSub
  readonly #inside: GossipInside

  private constructor(node: Libp2p, gossip: GossipSub) {
    this.node = node
    this.#gossip = gossip
    this.#inside = gossip as unknown as GossipInside
    const handle = this.#inside.handleReceivedRpc.bind(gossip)
    this.#inside.handleReceivedRpc = (from, rpc) => {
      this.#note(rpc)
      return handle(from, rpc)
    }
  }

  static async start(): Promise<StockStranger> {
    const node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false },
      connectionMonitor: { enabled: false },
      services: {
        identify: identify(),
        pubsub: gossipsub({ globalSignaturePolicy: StrictNoSign, allowPublishToZeroTopicPeers: true }),
      },
    })
    return new StockStranger(node, node.services.pubsub)
  }

  /** Connects; resolves with the protocols that the peer says it speaks, once gossip can be sent to it. */
  async meet(addresses: readonly string[]): Promise<readonly string[]> {
    const target = multiaddr(addresses[0] ?? '')
    const identified = Promise.withResolvers<readonly string[]>()
    this.node.addEventListener('peer:identify', ({ detail }) => identified.resolve(detail.protocols), { once: true })
    const connection = await this.node.dial(target)
    const protocols = await identified.promise
    await eventually('a gossip stream', () => this.#say(connection.remotePeer.toString(), {}))
    return protocols
  }

  /** Subscribes, as any program with gossipsub would. */
  subscribe(topic: string): void {
    this.#gossip.subscribe(topic)
  }

  /** Says GRAFT without having subscribed, and takes in what comes. */
  graft(peer: string, topic: string): boolean {
    this.#gossip.topicValidators.set(topic, () => TopicValidatorResult.Accept)
    this.#inside.subscriptions.add(topic)
    return this.#say(peer, { graft: [{ topicID: topic }] })
  }

  /** Asks for messages by their ids. */
  iwant(peer: string, ids: readonly Uint8Array[]): boolean {
    return this.#say(peer, { iwant: [{ messageIDs: [...ids] }] })
  }

  /** Three heartbeats of gossipsub: the clock by which meshes, fan-outs and IHAVEs would leak. */
  async heartbeats(): Promise<void> {
    let beats = 0
    const count = () => beats++
    this.#gossip.addEventListener('gossipsub:heartbeat', count)
    await eventually('three heartbeats', () => beats >= 3)
    this.#gossip.removeEventListener('gossipsub:heartbeat', count)
  }

  /** Opens a stream of that protocol, writes the bytes, closes its half and reads what comes until the end, or for `waitMs`. */
  async probe(peer: string, protocol: string, bytes: Uint8Array, waitMs: number): Promise<StreamAnswer> {
    const connection = this.node.getConnections().find(({ remotePeer }) => remotePeer.toString() === peer)
    if (!connection) throw new Error(`not connected to ${peer}`)
    let stream: Stream
    try {
      stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(waitMs) })
    } catch {
      // Refused: the peer speaks no such protocol.
      return { opened: false, bytes: new Uint8Array() }
    }
    const chunks: Uint8Array[] = []
    const ended = new Promise<void>((resolve) => {
      stream.addEventListener('message', ({ data }) => chunks.push(data.subarray()))
      stream.addEventListener('remoteCloseWrite', () => resolve())
      stream.addEventListener('close', () => resolve())
      setTimeout(resolve, waitMs).unref()
    })
    stream.send(bytes)
    await ended
    stream.abort(new Error('heard enough'))
    return { opened: true, bytes: Buffer.concat(chunks) }
  }

  /** What no Starling node does: passes every stream of that protocol on to a local port, and back. */
  async passOn(protocol: string, host: string, port: number): Promise<void> {
    await this.node.handle(protocol, (stream) => {
      const socket = connect(port, host)
      stream.addEventListener('message', ({ data }) => void socket.write(data.subarray()))
      socket.on('data', (chunk: Buffer) => void stream.send(chunk))
      socket.once('error', (error) => stream.abort(error))
      socket.once('close', () => void stream.close())
      stream.addEventListener('close', () => socket.destroy())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop()
  }

  #say(peer: string, control: Partial<RPC.ControlMessage>): boolean {
    const all: RPC.ControlMessage = { ihave: [], iwant: [], graft: [], prune: [], idontwant: [], ...control }
    return this.#inside.sendRpc(peer, { subscriptions: [], messages: [], control: all })
  }

  #note({ messages, control }: RPC): void {
    for (const { data } of messages) this.heard.push(new TextDecoder().decode(data))
    for (const { topicID } of control?.graft ?? []) this.told.push(`graft ${topicID}`)
    for (const { topicID } of control?.ihave ?? []) this.told.push(`ihave ${topicID}`)
  }
}
