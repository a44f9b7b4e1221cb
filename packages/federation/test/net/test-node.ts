import type { JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { makeUserId } from '@starling/protocol'
import {
  type MemoryHost,
  type MemoryNetwork,
  MemoryStore,
  QuietLogger,
  TestClock,
  testCrypto,
  testRandomBytes,
} from '@starling/testkit'
import type { Answer, OutboxRow, Verdict } from '../../src/contracts.ts'
import { type Defence, FederationNet } from '../../src/net/federation-net.ts'
import { type NetKeys, openNetKeys } from '../../src/net/net-keys.ts'
import { type Ground, processTimers, type Timers } from '../../src/net/ports.ts'
import type { LocalMedia, LocalUsers, ToDeviceMessage } from '../../src/ports.ts'
import { StreamPositionCounter } from '../../src/store/stream-positions.ts'
import { FakeRooms } from './fake-rooms.ts'

export interface TestNodeOptions {
  readonly displayName?: string
  readonly clock?: TestClock
  readonly store?: MemoryStore
  readonly timers?: Timers
  readonly outboxRows?: readonly OutboxRow[]
  /** Who is joined where from the start on. */
  readonly members?: readonly (readonly [RoomId, readonly UserId[]])[]
  readonly defences?: Partial<Record<Defence, 'off'>>
  readonly answers?: readonly Answer[]
  readonly files?: Readonly<Record<string, Uint8Array>>
}

/** A node's net on a memory network, with a fake engine and exchange that write down what reaches them. */
export class TestNode {
  readonly host: MemoryHost
  readonly keys: NetKeys
  readonly rooms: FakeRooms
  readonly net: FederationNet
  readonly clock: TestClock
  readonly store: MemoryStore
  readonly logger: QuietLogger
  readonly userId: UserId
  readonly incoming: { readonly json: JsonObject; readonly roomId: RoomId; readonly carrier: ServerName }[] = []
  readonly reconciled: ServerName[] = []
  readonly toldOfLeaves: ServerName[] = []
  readonly toDevice: ToDeviceMessage[] = []
  readonly deviceChanges: JsonObject[] = []
  readonly counted = new Map<string, number>()
  /** Requests that reached an answer: `origin method uri-path`. */
  readonly asked: string[] = []

  private constructor(parts: {
    host: MemoryHost
    keys: NetKeys
    rooms: FakeRooms
    clock: TestClock
    store: MemoryStore
    logger: QuietLogger
    ground: Ground
    counted: Map<string, number>
    positions: StreamPositionCounter
    options: TestNodeOptions
  }) {
    this.host = parts.host
    this.keys = parts.keys
    this.rooms = parts.rooms
    this.clock = parts.clock
    this.store = parts.store
    this.logger = parts.logger
    this.counted = parts.counted
    this.userId = makeUserId('p2p', parts.keys.keyRing.serverName)
    this.net = new FederationNet({
      ground: parts.ground,
      keys: parts.keys,
      transport: parts.host,
      gossip: parts.host.gossip,
      rendezvous: parts.host,
      engine: parts.rooms,
      outbox: parts.rooms,
      positions: parts.positions,
      users: this.#users(parts.options.displayName),
      media: localMedia(parts.options.files ?? {}),
      ...(parts.options.defences ? { defences: parts.options.defences } : {}),
    })
  }

  static async start(network: MemoryNetwork, name: string, options: TestNodeOptions = {}): Promise<TestNode> {
    const host = network.host(name)
    const clock = options.clock ?? new TestClock()
    const store = options.store ?? new MemoryStore()
    const logger = new QuietLogger()
    const counted = new Map<string, number>()
    const ground: Ground = {
      store,
      clock,
      logger,
      crypto: testCrypto,
      timers: options.timers ?? processTimers,
      randomBytes: testRandomBytes(seedOf(name) + clock.now()),
      count: (what, code) => counted.set(`${what} ${code}`, (counted.get(`${what} ${code}`) ?? 0) + 1),
    }
    const keys = await openNetKeys(ground, identitySeed(name), host.peerId)
    const rooms = new FakeRooms(keys.keyRing, testCrypto, options.outboxRows)
    for (const [roomId, members] of options.members ?? []) rooms.setMembers(roomId, members)
    const positions = await StreamPositionCounter.open(store, logger)
    const node = new TestNode({ host, keys, rooms, clock, store, logger, ground, counted, positions, options })
    await node.net.start(node.#exchange(), [...node.#answers(), ...(options.answers ?? [])])
    return node
  }

  get serverName(): ServerName {
    return this.keys.keyRing.serverName
  }

  #exchange() {
    return {
      incoming: async (json: JsonObject, roomId: RoomId, carrier: ServerName): Promise<Verdict> => {
        this.incoming.push({ json, roomId, carrier })
        return { kind: 'accepted', eventId: '$x' as never, position: 1 }
      },
      reconcile: async (server: ServerName) => {
        this.reconciled.push(server)
      },
      tellPendingLeaves: async (server: ServerName) => {
        this.toldOfLeaves.push(server)
      },
    }
  }

  #answers(): Answer[] {
    return [
      {
        method: 'PUT',
        path: '/_matrix/federation/v1/send/{txnId}',
        answer: async ({ origin, params, content }) => {
          this.asked.push(`${origin} PUT send/${params.txnId}`)
          for (const json of (content?.pdus ?? []) as JsonObject[]) {
            this.incoming.push({ json, roomId: json.room_id as RoomId, carrier: origin })
          }
          await this.net.edus(origin, (content?.edus ?? []) as JsonObject[])
          return { pdus: {} }
        },
      },
      {
        method: 'GET',
        path: '/_matrix/federation/v1/query/profile',
        answer: async ({ origin, query }) => {
          this.asked.push(`${origin} GET profile`)
          return (await this.#profile(query.get('user_id'))) ?? {}
        },
      },
    ]
  }

  #displayName: string | undefined

  #users(displayName: string | undefined): LocalUsers {
    this.#displayName = displayName
    return {
      discoverable: async () => [this.userId],
      exists: async (userId) => userId === this.userId,
      profile: (userId) => this.#profile(userId),
      queryKeys: async () => ({}),
      claimKeys: async () => ({}),
      devices: async () => undefined,
      deliverToDevice: async (message) => {
        if (this.toDevice.every(({ messageId }) => messageId !== message.messageId)) this.toDevice.push(message)
      },
      remoteDevicesChanged: async (_userId, edu) => {
        this.deviceChanges.push(edu)
      },
      hasErased: async () => false,
    }
  }

  async #profile(userId: string | null): Promise<JsonObject | undefined> {
    return userId === this.userId && this.#displayName !== undefined ? { displayname: this.#displayName } : undefined
  }
}

function identitySeed(name: string): Uint8Array {
  return testCrypto.sha256(new TextEncoder().encode(`identity of ${name}`))
}

function seedOf(name: string): number {
  return testCrypto.sha256(new TextEncoder().encode(name)).reduce((sum, byte) => (sum * 31 + byte) | 0, 7)
}

function localMedia(files: Readonly<Record<string, Uint8Array>>): LocalMedia {
  return {
    async open(mediaId) {
      const bytes = files[mediaId]
      if (!bytes) return undefined
      return {
        size: bytes.length,
        contentType: 'image/png',
        filename: 'picture.png',
        async *read(from, to) {
          for (let at = from; at < to; at += 100_000) yield bytes.subarray(at, Math.min(to, at + 100_000))
        },
      }
    },
  }
}

/** A room that these nodes' owners are joined in, as each of them sees it. */
export function joinAll(roomId: RoomId, nodes: readonly TestNode[], members: readonly TestNode[] = nodes): void {
  for (const node of nodes) {
    node.rooms.setMembers(
      roomId,
      members.map(({ userId }) => userId),
    )
  }
}
