import {
  Exchange,
  FederationNet,
  type Ground,
  type InvitePolicy,
  type LocalMedia,
  type LocalUsers,
  type NetKeys,
  type OpenRooms,
  openNetKeys,
  openRooms,
  Retention,
  type RetentionLimits,
  type RoomDirectory,
} from '@starling/federation'
import { SUPPORTED_VERSIONS } from '@starling/protocol'
import type { Libp2pHost } from '../libp2p/host.ts'

/** The three floors of federation, wired to each other and to the libp2p host. */
export interface OpenFederation extends AsyncDisposable {
  readonly keys: NetKeys
  readonly rooms: OpenRooms
  readonly net: FederationNet
  readonly exchange: Exchange
  /** Answers others from now on; the host may be started after it. */
  start(): Promise<void>
}

export interface FederationParts {
  readonly ground: Ground
  /** 32-byte seed of the identity key. */
  readonly identitySeed: Uint8Array
  readonly host: Libp2pHost
  readonly users: LocalUsers
  readonly media: LocalMedia
  readonly directory: RoomDirectory
  readonly invitePolicy: InvitePolicy
  readonly retention: RetentionLimits
}

/** @throws SchemaError where a newer program wrote the database */
export async function openFederation({
  ground,
  identitySeed,
  host,
  users,
  media,
  directory,
  invitePolicy,
  retention: limits,
}: FederationParts): Promise<OpenFederation> {
  const { store, crypto, clock, timers, logger, randomBytes, count } = ground
  const { transport, gossip, rendezvous } = host
  const keys = await openNetKeys(ground, identitySeed, host.peerId)
  const rooms = await openRooms({ store, keys: keys.keyRing, crypto, clock, logger, randomBytes })
  const { engine, outbox, positions } = rooms
  const net = new FederationNet({
    ground,
    keys,
    transport,
    gossip,
    rendezvous,
    engine,
    outbox,
    positions,
    users,
    media,
  })
  const exchange = new Exchange({
    ...{ engine, users, directory, invitePolicy, store, crypto, clock, timers, logger, count },
    keys: keys.keyRing,
    requests: net.requests,
    sender: net.sender,
    edus: net.edus,
    views: rooms.reader,
    random: Math.random,
    versions: Object.keys(SUPPORTED_VERSIONS),
  })
  rooms.setFetchHistory(exchange.fetchHistory)
  const { pruner, historySizes: sizes } = rooms
  const retention = new Retention({ limits, rooms: engine, pruner, sizes, clock, timers, logger })
  return {
    ...{ keys, rooms, net, exchange },
    async start() {
      await net.start(exchange, exchange.answers)
      exchange.start()
      retention.start()
    },
    async [Symbol.asyncDispose]() {
      await retention.stop()
      await exchange.stop()
      await net.stop()
      await rooms.stop()
    },
  }
}
