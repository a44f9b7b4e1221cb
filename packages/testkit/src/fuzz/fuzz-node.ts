import {
  Exchange,
  FederationNet,
  type Ground,
  type LocalMedia,
  type LocalUsers,
  type NetKeys,
  type OpenRooms,
  openNetKeys,
  openRooms,
} from '@starling/federation'
import type { EventId, JsonObject, Logger, RoomId, ServerName, UserId } from '@starling/protocol'
import { makeUserId, SUPPORTED_VERSIONS } from '@starling/protocol'
import { MemoryStore } from '../memory-store.ts'
import { testCrypto } from '../test-crypto.ts'
import { testRandomBytes } from '../test-surroundings.ts'
import { FuzzHost } from './fuzz-host.ts'
import { quickCrypto, trustingCrypto } from './quick-crypto.ts'
import { Random } from './random.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface FuzzNodeOptions {
  readonly name: string
  readonly world: Map<FuzzHost['peerId'], FuzzHost>
  readonly time: VirtualTime
  readonly seed: number
  readonly logger: Logger
  readonly count: (what: string, code: string) => void
  /** A hostile one does nothing by itself and checks nothing: that would be time taken from its mutants. */
  readonly hostile?: boolean
}

/** Bytes of the one file that every node of the fuzzer serves, and its content-addressed name. */
export const FILE = new Uint8Array(100_000).fill(7)
export const FILE_ID = Buffer.from(testCrypto.sha256(FILE)).toString('base64url')

/** Keys, rooms, exchange and net, wired as `packages/node` wires them, on a `FuzzHost` and a memory store. */
export class FuzzNode {
  readonly host: FuzzHost
  readonly keys: NetKeys
  readonly rooms: OpenRooms
  readonly net: FederationNet
  readonly exchange: Exchange
  readonly store: MemoryStore
  readonly userId: UserId

  private constructor(parts: Pick<FuzzNode, 'host' | 'keys' | 'rooms' | 'net' | 'exchange' | 'store'>) {
    this.host = parts.host
    this.keys = parts.keys
    this.rooms = parts.rooms
    this.net = parts.net
    this.exchange = parts.exchange
    this.store = parts.store
    this.userId = this.user('p2p')
  }

  static async start({ name, world, time, seed, logger, count, hostile = false }: FuzzNodeOptions): Promise<FuzzNode> {
    const host = new FuzzHost(`peer-${name}`, world)
    const store = new MemoryStore()
    const random = new Random(seed)
    const crypto = hostile ? trustingCrypto : quickCrypto
    const randomBytes = testRandomBytes(seed)
    const ground: Ground = { store, logger, clock: time, timers: time, crypto, randomBytes, count }
    const identity = testCrypto.sha256(new TextEncoder().encode(`identity of ${name}`))
    const keys = await openNetKeys(ground, identity, host.peerId)
    const rooms = await openRooms({ ...ground, keys: keys.keyRing })
    const users = localUsers(keys.keyRing.serverName)
    const net = new FederationNet({
      ...{ ground, keys, users, media: MEDIA },
      ...{ transport: host, gossip: host, rendezvous: host },
      ...{ engine: rooms.engine, outbox: rooms.outbox, positions: rooms.positions },
    })
    const exchange = new Exchange({
      ...{ ...ground, users, engine: rooms.engine, keys: keys.keyRing, views: rooms.reader },
      ...{ requests: net.requests, sender: net.sender, edus: net.edus },
      random: () => random.next(),
      versions: Object.keys(SUPPORTED_VERSIONS),
    })
    rooms.setFetchHistory(exchange.fetchHistory)
    await net.start(exchange, exchange.answers)
    if (!hostile) exchange.start()
    return new FuzzNode({ host, keys, rooms, net, exchange, store })
  }

  get serverName(): ServerName {
    return this.keys.keyRing.serverName
  }

  get engine() {
    return this.rooms.engine
  }

  user(localpart: string): UserId {
    return makeUserId(localpart, this.serverName)
  }

  /** A public room in which only its creator may do more than speak. */
  createRoom(roomVersion: string): Promise<RoomId> {
    const privileged = roomVersion === '12' ? {} : { users: { [this.userId]: 100 } }
    return this.engine.create({
      creator: this.userId,
      roomVersion,
      creationContent: {},
      events: [
        { type: 'm.room.power_levels', stateKey: '', content: { ...privileged, invite: 50 } },
        { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } },
        { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } },
        { type: 'm.room.name', stateKey: '', content: { name: 'fuzzed' } },
      ],
    })
  }

  async join(roomId: RoomId, via: FuzzNode, user: UserId = this.userId): Promise<void> {
    const change = { roomId, sender: user, target: user, membership: 'join' } as const
    await this.exchange.changeMembership({ ...change, via: [via.serverName] })
  }

  say(roomId: RoomId, body: string, sender: UserId = this.userId): Promise<EventId> {
    return this.engine.send({ roomId, sender, type: 'm.room.message', content: { msgtype: 'm.text', body } })
  }

  async stop(): Promise<void> {
    await this.exchange.stop()
    await this.net.stop()
    await this.rooms.stop()
  }
}

function localUsers(server: ServerName): LocalUsers {
  const owner = makeUserId('p2p', server)
  const devices: JsonObject = { user_id: owner, stream_id: 1, devices: [{ device_id: 'D', keys: {} }] }
  return {
    discoverable: async () => [owner],
    exists: async (userId) => userId === owner,
    profile: async (userId) => (userId === owner ? { displayname: 'Owner' } : undefined),
    queryKeys: async () => ({ device_keys: { [owner]: { D: { user_id: owner } } } }),
    claimKeys: async () => ({ one_time_keys: {} }),
    devices: async (userId) => (userId === owner ? devices : undefined),
    deliverToDevice: async () => undefined,
    remoteDevicesChanged: async () => undefined,
    hasErased: async () => false,
  }
}

const MEDIA: LocalMedia = {
  async open(mediaId) {
    if (mediaId !== FILE_ID) return undefined
    return {
      size: FILE.length,
      contentType: 'image/png',
      filename: 'picture.png',
      async *read(from, to) {
        for (let at = from; at < to; at += 50_000) yield FILE.subarray(at, Math.min(to, at + 50_000))
      },
    }
  },
}
