import type { EventId, JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { makeUserId, SUPPORTED_VERSIONS } from '@starling/protocol'
import { type MemoryHost, type MemoryNetwork, MemoryStore, QuietLogger, testCrypto } from '@starling/testkit'
import { Exchange } from '../../src/exchange/exchange.ts'
import { FederationNet } from '../../src/net/federation-net.ts'
import { type NetKeys, openNetKeys } from '../../src/net/net-keys.ts'
import { type Ground, processTimers } from '../../src/net/ports.ts'
import type { LocalUsers } from '../../src/ports.ts'
import { type OpenRooms, openRooms } from '../../src/room/open-rooms.ts'

/** Keys, rooms, exchange and net as `packages/node` wires them, on a memory network and a memory store. */
export class WholeNode {
  readonly host: MemoryHost
  readonly keys: NetKeys
  readonly rooms: OpenRooms
  readonly net: FederationNet
  readonly exchange: Exchange
  readonly logger: QuietLogger
  readonly userId: UserId

  private constructor(parts: Pick<WholeNode, 'host' | 'keys' | 'rooms' | 'net' | 'exchange' | 'logger'>) {
    this.host = parts.host
    this.keys = parts.keys
    this.rooms = parts.rooms
    this.net = parts.net
    this.exchange = parts.exchange
    this.logger = parts.logger
    this.userId = makeUserId('p2p', parts.keys.keyRing.serverName)
  }

  static async start(network: MemoryNetwork, name: string, store = new MemoryStore()): Promise<WholeNode> {
    const host = network.host(name)
    const logger = new QuietLogger()
    const ground: Ground = {
      ...{ store, logger },
      clock: { now: () => Date.now() },
      crypto: testCrypto,
      timers: processTimers,
      randomBytes: (size) => crypto.getRandomValues(new Uint8Array(size)),
      count: () => undefined,
    }
    const seed = testCrypto.sha256(new TextEncoder().encode(`identity of ${name}`))
    const keys = await openNetKeys(ground, seed, host.peerId)
    const rooms = await openRooms({ ...ground, keys: keys.keyRing })
    const users = localUsers(makeUserId('p2p', keys.keyRing.serverName))
    const net = new FederationNet({
      ...{ ground, keys, users },
      transport: host,
      gossip: host.gossip,
      rendezvous: host,
      engine: rooms.engine,
      outbox: rooms.outbox,
      positions: rooms.positions,
      media: { open: async () => undefined },
    })
    const exchange = new Exchange({
      ...ground,
      engine: rooms.engine,
      keys: keys.keyRing,
      requests: net.requests,
      sender: net.sender,
      edus: net.edus,
      views: rooms.reader,
      users,
      random: Math.random,
      versions: Object.keys(SUPPORTED_VERSIONS),
    })
    rooms.setFetchHistory(exchange.fetchHistory)
    await net.start(exchange, exchange.answers)
    exchange.start()
    return new WholeNode({ host, keys, rooms, net, exchange, logger })
  }

  get serverName(): ServerName {
    return this.keys.keyRing.serverName
  }

  async stop(): Promise<void> {
    await this.exchange.stop()
    await this.net.stop()
    await this.rooms.stop()
  }

  createRoom(joinRule: 'public' | 'invite', roomVersion = '12'): Promise<RoomId> {
    return this.rooms.engine.create({
      creator: this.userId,
      roomVersion,
      creationContent: {},
      events: [
        {
          type: 'm.room.power_levels',
          stateKey: '',
          content: roomVersion === '12' ? {} : { users: { [this.userId]: 100 } },
        },
        { type: 'm.room.join_rules', stateKey: '', content: { join_rule: joinRule } },
      ],
    })
  }

  async join(roomId: RoomId, via: WholeNode): Promise<void> {
    const membership = { roomId, sender: this.userId, target: this.userId, membership: 'join' } as const
    await this.exchange.changeMembership({ ...membership, via: [via.serverName] })
  }

  say(roomId: RoomId, body: string): Promise<EventId> {
    const content = { msgtype: 'm.text', body }
    return this.rooms.engine.send({ roomId, sender: this.userId, type: 'm.room.message', content })
  }

  /** Bodies of the messages in the room's timeline, sorted: order among simultaneous ones is each node's own. */
  async heard(roomId: RoomId): Promise<string[]> {
    const { events } = await this.rooms.reader.timeline(roomId, { direction: 'f', limit: 1000 })
    return events.flatMap(({ pdu }) => (pdu.type === 'm.room.message' ? [String(pdu.content.body)] : [])).sort()
  }

  async stateOf(roomId: RoomId): Promise<string[]> {
    return [...(await this.rooms.engine.currentState(roomId))].map(([slot, id]) => `${slot} ${id}`).sort()
  }
}

function localUsers(owner: UserId): LocalUsers {
  const devices: JsonObject = { user_id: owner, stream_id: 1, devices: [] }
  return {
    discoverable: async () => [owner],
    exists: async (userId) => userId === owner,
    profile: async (userId) => (userId === owner ? { displayname: 'Owner' } : undefined),
    queryKeys: async () => ({ device_keys: {} }),
    claimKeys: async () => ({ one_time_keys: {} }),
    devices: async () => devices,
    deliverToDevice: async () => undefined,
    remoteDevicesChanged: async () => undefined,
    hasErased: async () => false,
  }
}
