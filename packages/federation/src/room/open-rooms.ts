import type { Clock, Crypto, KeyValueStore, Logger, RandomBytes } from '@starling/protocol'
import type { KeyRing, PduOutbox } from '../contracts.ts'
import type { FetchHistory } from '../read/fetch-history.ts'
import { StoredRoomReader } from '../read/stored-room-reader.ts'
import { HistorySizes } from '../retention/history-sizes.ts'
import { TimelinePruner } from '../retention/prune-timeline.ts'
import { stateResolver } from '../state/resolve-states.ts'
import { StateStore } from '../state/state-store.ts'
import { Database } from '../store/database.ts'
import { EventStore } from '../store/event-store.ts'
import { expireTransactions } from '../store/expire-transactions.ts'
import { StoredOutbox } from '../store/outbox.ts'
import { RoomRegistry } from '../store/room-registry.ts'
import { migrate } from '../store/schema.ts'
import { StreamPositionCounter } from '../store/stream-positions.ts'
import { finishPurges } from './forget-room.ts'
import { JoinedServers } from './joined-servers.ts'
import { RoomGraph } from './room-graph.ts'
import { RoomHeads } from './room-heads.ts'
import { RoomQueues } from './room-queues.ts'
import { RoomWatchers } from './room-watchers.ts'
import { RoomWriter } from './room-writer.ts'
import { StoredRoomEngine } from './stored-room-engine.ts'

export interface RoomsOptions {
  readonly store: KeyValueStore
  readonly keys: KeyRing
  readonly crypto: Crypto
  readonly clock: Clock
  readonly logger: Logger
  readonly randomBytes: RandomBytes
}

/** The rooms of this node: what writes them, what reads them, and the counter that orders what clients see. */
export interface OpenRooms {
  readonly engine: StoredRoomEngine
  readonly reader: StoredRoomReader
  readonly positions: StreamPositionCounter
  readonly outbox: PduOutbox
  /** For `Retention`. */
  readonly pruner: TimelinePruner
  readonly historySizes: HistorySizes
  /** Set once the exchange with other servers is there; until then history ends with what is stored. */
  setFetchHistory(fetch: FetchHistory): void
  /** Waits for writes under way. The store stays open: it is its opener's. */
  stop(): Promise<void>
}

/**
 * Opens the rooms in a store: migrates it, finishes purges that a crash interrupted, drops transaction ids of long ago, and
 * reads who is joined where.
 *
 * @throws SchemaError where a newer program wrote the database
 */
export async function openRooms(options: RoomsOptions): Promise<OpenRooms> {
  const { store, keys, crypto, clock, logger, randomBytes } = options
  await migrate(store)
  const database = new Database(store)
  await finishPurges(database)
  await expireTransactions(store, clock.now())
  const positions = await StreamPositionCounter.open(store, logger)
  const registry = await RoomRegistry.open(database)
  const joinedServers = await JoinedServers.open(database)
  const events = new EventStore(database)
  const states = new StateStore(database)
  const heads = new RoomHeads(database, registry, states)
  const queues = new RoomQueues()
  const watchers = new RoomWatchers(logger)
  const writer = new RoomWriter({ database, events, states, positions, heads, queues, joinedServers, watchers })
  const graph = new RoomGraph({ database, events, states, heads })
  const { ed25519 } = crypto
  const resolve = stateResolver(database, ed25519)
  const local = { keys, crypto, clock, ed25519, resolve, watchers, serverName: keys.serverName }
  const shared = { database, events, heads, registry, writer, joinedServers, graph }
  const engine = new StoredRoomEngine({ ...shared, keys, crypto, randomBytes, watchers, local })
  const reader = new StoredRoomReader({ ...shared, positions, serverName: keys.serverName })
  return {
    engine,
    reader,
    positions,
    outbox: new StoredOutbox(database, events),
    pruner: new TimelinePruner({ database, writer }),
    historySizes: new HistorySizes({ database, writer }),
    setFetchHistory: (fetch) => reader.setFetchHistory(fetch),
    async stop() {
      await queues.idle()
      await database.flushed().catch((error: unknown) => logger.error({ error }, 'the last write failed'))
      await positions.stop()
    },
  }
}
