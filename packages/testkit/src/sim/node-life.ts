import {
  AnswerError,
  AnswerTable,
  DestinationOutbox,
  Exchange,
  type ExchangeParts,
  type KeyRing,
  type LocalUsers,
  type OpenRooms,
  openRooms,
  PduPublisher,
  RequestError,
  type ServerRequests,
  type Timers,
} from '@starling/federation'
import type { JsonObject, KeyValueStore, Logger, Pdu, RoomId, ServerName } from '@starling/protocol'
import { SUPPORTED_VERSIONS } from '@starling/protocol'
import { tellsState } from './byzantine-answers.ts'
import { CrashingDisk } from './crashing-disk.ts'
import { NodeGossip } from './node-gossip.ts'
import { bugOf, diskTwinOf, withoutTime } from './planted-bugs.ts'
import { VirtualTimers } from './scheduler.ts'
import { carried, simulatedKeyRing } from './simulated-keys.ts'
import type { GossipMessage, NetworkNode, WireRequest } from './simulated-network.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Room versions that a node takes part in. */
const VERSIONS: readonly string[] = Object.keys(SUPPORTED_VERSIONS)

/** One run of a node's process: the product's engine, exchange and outboxes over a disk and a network that are simulated. */
export class NodeLife implements NetworkNode {
  readonly node: SimulatedNode
  readonly #disk: CrashingDisk
  readonly #timers: Timers
  readonly #keys: KeyRing
  readonly #gossip: NodeGossip
  readonly #metWatchers = new Set<(server: ServerName) => void>()
  readonly #deathWatchers: (() => void)[] = []
  #isAlive = true
  #rooms: OpenRooms | undefined
  #exchange: Exchange | undefined
  #table: AnswerTable | undefined

  constructor(node: SimulatedNode, number: number) {
    const { world } = node
    const { scheduler, directory, crypto, network } = world
    this.node = node
    this.#timers = new VirtualTimers(scheduler, () => this.#isAlive)
    this.#keys = simulatedKeyRing({
      ...{ directory, crypto, serverName: node.name },
      isConnected: (server) => this.#isAlive && network.isConnected(node.name, server),
    })
    this.#gossip = new NodeGossip(node, () => this.#isAlive)
    this.#disk = new CrashingDisk({
      ...{ scheduler, rows: node.rows, random: world.random(`disk ${node.index} ${number}`) },
      twin: diskTwinOf(node),
      fate: () => node.takeFate(),
      crash: (how) => {
        world.counts[how === 'crash-before' ? 'crashBeforeWrite' : 'crashAfterWrite']++
        node.crash()
      },
      written: (operations) => world.trace.add(`write ${node.name} ${operations.length}`),
    })
  }

  get name(): ServerName {
    return this.node.name
  }

  get isOpen(): boolean {
    return this.#exchange !== undefined
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** @throws Error before it is open */
  get rooms(): OpenRooms {
    if (!this.#rooms) throw new Error(`${this.name} is not open`)
    return this.#rooms
  }

  get engine() {
    return this.rooms.engine
  }

  /** @throws Error before it is open */
  get exchange(): Exchange {
    if (!this.#exchange) throw new Error(`${this.name} is not open`)
    return this.#exchange
  }

  open(): void {
    this.#watch(this.#open(), 'opening')
  }

  /** Ends at once, without telling anybody. What it had asked the disk for is written in part. */
  die(): { readonly written: number; readonly lost: number } {
    this.#isAlive = false
    for (const watcher of this.#deathWatchers) watcher()
    return this.#disk.die()
  }

  /** Waits for nothing; what goes wrong in it while the node lives is a breach. */
  quietly(work: Promise<unknown> | undefined): void {
    if (work !== undefined) this.#watch(work, 'acting')
  }

  whenDead(then: () => void): void {
    this.#deathWatchers.push(then)
  }

  // ------------------------------------------------------------------------------------------------ from the network

  hear(message: GossipMessage, from: ServerName, options: { readonly isRepeat: boolean }): void {
    this.#watch(this.#gossip.hear(message, from, options, this), 'hearing')
  }

  async answer(request: WireRequest): Promise<JsonObject> {
    const answer = await this.#answer(request).catch(asRefusal)
    return this.#isAlive ? answer : new Promise(() => undefined)
  }

  met(server: ServerName): void {
    if (!this.isOpen) return
    for (const watcher of [...this.#metWatchers]) watcher(server)
    this.#watch(this.exchange.reconcile(server), 'comparing on meeting')
  }

  // ------------------------------------------------------------------------------------------------ inside

  async #open(): Promise<void> {
    const { node } = this
    const { world } = node
    const { crypto } = world
    const clock = { now: () => node.now() }
    const logger = this.#logger()
    const randomBytes = (size: number) => node.random.bytes(size)
    const store: KeyValueStore = this.#disk
    const rooms = await openRooms({ store, keys: this.#keys, crypto, clock, logger, randomBytes })
    const ground = { store, crypto, clock, timers: this.#timers, randomBytes, logger, count: () => undefined }
    world.checks.shareIn(rooms.engine, bugOf(node) === 'timeless-resolution' ? withoutTime : undefined)
    const bindings = {
      peersOf: this.#keys.peersOf,
      watch: ({ met }: { met?(server: ServerName): void }) => {
        const watcher = (server: ServerName) => met?.(server)
        this.#metWatchers.add(watcher)
        return () => this.#metWatchers.delete(watcher)
      },
    }
    const requests = this.#requests()
    const gossip = {
      serverName: this.name,
      carried: async (pdu: Pdu) => carried(pdu),
      publish: async (roomId: RoomId, pdu: Pdu) => this.#gossip.publish(roomId, pdu, rooms.engine),
    }
    const outbox = new DestinationOutbox({ ground, requests, bindings, serverName: this.name })
    const publisher = new PduPublisher({
      ground,
      outbox: rooms.outbox,
      engine: rooms.engine,
      gossip,
      bindings,
      requests,
    })
    const exchange = new Exchange({
      ...{ engine: rooms.engine, keys: this.#keys, requests, views: rooms.reader, users: this.#localUsers() },
      ...{ store, crypto, clock, timers: this.#timers, logger, versions: VERSIONS },
      sender: { publish: gossip.publish, enqueueRequest: (...request) => outbox.addRequest(...request) },
      edus: async () => undefined,
      random: () => node.random.next(),
    } satisfies ExchangeParts)
    rooms.setFetchHistory(exchange.fetchHistory)
    rooms.engine.watch({ localEvent: (_, pdu) => world.checks.remember(pdu) })
    this.#table = new AnswerTable(exchange.answers)
    this.#rooms = rooms
    this.#exchange = exchange
    exchange.start()
    publisher.start()
    await outbox.start()
    world.trace.add(`open ${this.name}`)
    world.network.enter(this)
  }

  #requests(): ServerRequests {
    const { network } = this.node.world
    const isDeaf = bugOf(this.node) === 'deaf'
    return {
      request: async (to, method, uri, content, options) => {
        if (!this.#isAlive) return new Promise(() => undefined)
        if (isDeaf && !isHandshake(uri)) throw new RequestError('unreachable', 'a planted bug')
        const answer = await network.request(to, { from: this.name, method, uri, content }, options)
        return this.#isAlive ? answer : new Promise(() => undefined)
      },
      byReach: (servers) => {
        const isFar = (server: ServerName) => (network.isConnected(this.name, server) ? 0 : 1)
        return [...servers].sort((a, b) => isFar(b) - isFar(a)).reverse()
      },
    }
  }

  #answer(request: WireRequest): Promise<JsonObject> {
    const { tamper } = this.node
    const honest = async () => {
      if (!this.#table) throw new AnswerError(503, 'M_UNKNOWN', 'Still starting.')
      const { from: origin, method, uri, content } = request
      const answer = await this.#table.answer({ origin, method, uri, content })
      if (Object.keys((answer.removed ?? {}) as JsonObject).length > 0)
        this.node.world.told.add(`${this.name} ${origin}`)
      if (tellsState(uri) && (await this.#believesLiars())) this.node.world.mislead(origin)
      return answer
    }
    return tamper ? tamper(request, honest) : honest()
  }

  /** It was told a false state, and the history that shows it has not come yet. */
  async #believesLiars(): Promise<boolean> {
    return this.node.world.misled.has(this.name) && (await this.engine.reportedRooms()).length > 0
  }

  #localUsers(): LocalUsers {
    const { users } = this.node
    return {
      discoverable: async () => [],
      exists: async (userId) => users.includes(userId),
      profile: async () => undefined,
      queryKeys: async () => ({ device_keys: {} }),
      claimKeys: async () => ({ one_time_keys: {} }),
      devices: async () => undefined,
      deliverToDevice: async () => undefined,
      remoteDevicesChanged: async () => undefined,
      hasErased: async () => false,
    }
  }

  /** An error in the log of a node that still lives is a breach: nothing that comes from outside may lead to one. */
  #logger(): Logger {
    const quiet = () => undefined
    const logger: Logger = {
      ...{ debug: quiet, info: quiet, warn: quiet },
      error: (fields, message) => {
        if (this.#isAlive) this.#breach(message, fields.error)
      },
      child: () => logger,
    }
    return logger
  }

  #watch(work: Promise<unknown>, what: string): void {
    work.catch((error: unknown) => {
      if (this.#isAlive) this.#breach(what, error)
    })
  }

  #breach(what: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.node.world.breaches.push(`${this.name} ${what}: ${text}`)
  }
}

function isHandshake(uri: string): boolean {
  return /\/(make|send)_join\//.test(uri)
}

function asRefusal(error: unknown): never {
  if (error instanceof AnswerError) {
    const { status, errcode, message } = error
    throw new RequestError('refused', message, { status, errcode, cause: error })
  }
  throw new RequestError('refused', 'internal error', { status: 500, errcode: 'M_UNKNOWN', cause: error })
}
