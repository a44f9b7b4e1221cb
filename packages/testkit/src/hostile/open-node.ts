import {
  Exchange,
  FederationNet,
  type FederationNetParts,
  type Ground,
  type LocalUsers,
  type NetKeys,
  type OpenRooms,
  openNetKeys,
  openRooms,
  processTimers,
} from '@starling/federation'
import { createLibp2pHost, type Libp2pHost } from '@starling/node'
import type { EventId, JsonObject, Pdu, RoomId, ServerName, UserId } from '@starling/protocol'
import { makeUserId, SUPPORTED_VERSIONS } from '@starling/protocol'
import { MemoryStore } from '../memory-store.ts'
import { testCrypto } from '../test-crypto.ts'
import { QuietLogger } from '../test-surroundings.ts'

export interface OpenNodeOptions {
  readonly displayName?: string
  /** What is turned off, to show that an attack works without it. */
  readonly defences?: NonNullable<FederationNetParts['defences']>
  /** First contacts. */
  readonly bootstrap?: readonly string[]
}

/**
 * A whole node without its client API: real libp2p on loopback, the real federation over it, in this process, so that a
 * test can ask in its name, forge with its keys, and turn a defence off. Keeps nothing on disk.
 */
export class OpenNode implements AsyncDisposable {
  readonly host: Libp2pHost
  readonly keys: NetKeys
  readonly rooms: OpenRooms
  readonly net: FederationNet
  readonly exchange: Exchange
  readonly userId: UserId
  /** What was refused and why: `label code` → how often. */
  readonly counted: ReadonlyMap<string, number>

  private constructor(parts: Pick<OpenNode, 'host' | 'keys' | 'rooms' | 'net' | 'exchange' | 'counted'>) {
    this.host = parts.host
    this.keys = parts.keys
    this.rooms = parts.rooms
    this.net = parts.net
    this.exchange = parts.exchange
    this.counted = parts.counted
    this.userId = makeUserId('p2p', parts.keys.keyRing.serverName)
  }

  static async start(options: OpenNodeOptions = {}): Promise<OpenNode> {
    const counted = new Map<string, number>()
    const ground: Ground = {
      store: new MemoryStore(),
      logger: new QuietLogger(),
      clock: { now: () => Date.now() },
      crypto: testCrypto,
      timers: processTimers,
      randomBytes: (size) => crypto.getRandomValues(new Uint8Array(size)),
      count: (what, code) => counted.set(`${what} ${code}`, (counted.get(`${what} ${code}`) ?? 0) + 1),
    }
    const { bootstrap = 'none' } = options
    const host = await createLibp2pHost({
      ...{ listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, bootstrap },
      logger: ground.logger,
    })
    const keys = await openNetKeys(ground, ground.randomBytes(32), host.peerId)
    const rooms = await openRooms({ ...ground, keys: keys.keyRing })
    const users = oneUser(makeUserId('p2p', keys.keyRing.serverName), options.displayName ?? 'Somebody')
    const net = new FederationNet({
      ...{ ground, keys, users },
      ...{ transport: host.transport, gossip: host.gossip, rendezvous: host.rendezvous },
      ...{ engine: rooms.engine, outbox: rooms.outbox, positions: rooms.positions },
      media: { open: async () => undefined },
      ...(options.defences && { defences: options.defences }),
    })
    const exchange = new Exchange({
      ...{ ...ground, users, engine: rooms.engine, keys: keys.keyRing, views: rooms.reader },
      ...{ requests: net.requests, sender: net.sender, edus: net.edus, random: Math.random },
      versions: Object.keys(SUPPORTED_VERSIONS),
    })
    rooms.setFetchHistory(exchange.fetchHistory)
    await net.start(exchange, exchange.answers)
    exchange.start()
    await host.start()
    return new OpenNode({ host, keys, rooms, net, exchange, counted })
  }

  get serverName(): ServerName {
    return this.keys.keyRing.serverName
  }

  /** Connects by address; resolves once each side has proven to the other who it is. */
  async meet(addresses: readonly string[]): Promise<ServerName> {
    const peer = await this.host.transport.dial(addresses[0] ?? '')
    const server = await this.net.keysProtocol.exchange(peer)
    if (server === undefined) throw new Error(`${addresses[0]} is no Starling node`)
    return server
  }

  /** A signed request, as the server that this node is. @throws RequestError */
  ask(destination: ServerName, method: 'GET' | 'PUT' | 'POST', uri: string, content?: JsonObject): Promise<JsonObject> {
    return this.net.requests.request(destination, method, uri, content)
  }

  /** A private room of version 12. */
  createRoom(): Promise<RoomId> {
    return this.rooms.engine.create({
      creator: this.userId,
      roomVersion: '12',
      creationContent: {},
      events: [
        { type: 'm.room.power_levels', stateKey: '', content: {} },
        { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } },
      ],
    })
  }

  async invite(roomId: RoomId, target: UserId): Promise<void> {
    await this.exchange.changeMembership({ roomId, sender: this.userId, target, membership: 'invite' })
  }

  async join(roomId: RoomId, via: ServerName): Promise<void> {
    const change = { roomId, sender: this.userId, target: this.userId, membership: 'join' } as const
    await this.exchange.changeMembership({ ...change, via: [via] })
  }

  say(roomId: RoomId, body: string): Promise<EventId> {
    const content = { msgtype: 'm.text', body }
    return this.rooms.engine.send({ roomId, sender: this.userId, type: 'm.room.message', content })
  }

  /** The message with this text, if it has arrived. */
  async heard(roomId: RoomId, body: string): Promise<Pdu | undefined> {
    const { events } = await this.rooms.reader.timeline(roomId, { direction: 'b', limit: 200 })
    return events.find(({ pdu }) => pdu.content.body === body)?.pdu
  }

  async stop(): Promise<void> {
    await this.exchange.stop()
    await this.net.stop()
    await this.rooms.stop()
    await this.host.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** One account that may be found by its name, and owns nothing. */
function oneUser(owner: UserId, displayName: string): LocalUsers {
  return {
    discoverable: async () => [owner],
    exists: async (userId) => userId === owner,
    profile: async (userId) => (userId === owner ? { displayname: displayName } : undefined),
    queryKeys: async () => ({ device_keys: {} }),
    claimKeys: async () => ({ one_time_keys: {} }),
    devices: async () => ({ user_id: owner, stream_id: 1, devices: [] }),
    deliverToDevice: async () => undefined,
    remoteDevicesChanged: async () => undefined,
    hasErased: async () => false,
  }
}
