import type { EventId, JsonObject, KeyValueStore, Pdu, RoomId, ServerName, UserId } from '@starling/protocol'
import { serverOf } from '@starling/protocol'
import { type FakeKeyDirectory, QuietLogger, TestClock, testCrypto } from '@starling/testkit'
import type { Answer, KeyRing, RoomSender, ServerRequests, Verdict } from '../src/contracts.ts'
import { Exchange } from '../src/exchange/exchange.ts'
import type { ChangeMembership } from '../src/exchange/membership/membership-change.ts'
import type { ExchangeParts, Timers } from '../src/exchange/ports.ts'
import { RemovalNotices } from '../src/net/outbox/removal-notices.ts'
import { AnswerError } from '../src/net/requests/answer-error.ts'
import { AnswerTable } from '../src/net/requests/answer-table.ts'
import { RequestError } from '../src/net/requests/request-error.ts'
import type { LocalUsers, PeerId } from '../src/ports.ts'
import { RoomServer } from './room-server.ts'

export interface NodeOptions {
  /** What an earlier run of the node left behind, or one that fails as told. */
  readonly store?: KeyValueStore
  /** Replaces parts of the exchange: an open gate, a policy. */
  readonly parts?: Partial<ExchangeParts>
  /** Stands between the wire and the answers: a malicious server. Undefined: answer honestly. */
  readonly tamper?: (request: WireRequest, honest: () => Promise<JsonObject>) => Promise<JsonObject>
}

export interface WireRequest {
  readonly from: ServerName
  readonly to: ServerName
  readonly method: string
  readonly uri: string
  readonly content: JsonObject | undefined
}

/**
 * Servers with real engines over memory stores, whose exchanges talk through JSON text. Links are cut and joined by hand;
 * gossip floods along links and is lost where there is none.
 */
export class ExchangeNetwork {
  readonly nodes = new Map<ServerName, ExchangeNode>()
  readonly clock = new TestClock()
  readonly requests: WireRequest[] = []
  readonly #directory: FakeKeyDirectory = new Map()
  readonly #cut = new Set<string>()
  readonly #work = new Set<Promise<unknown>>()
  gossip = true

  async add(name: string, options: NodeOptions = {}): Promise<ExchangeNode> {
    const rooms = await RoomServer.open(name, {
      keys: this.#directory,
      clock: this.clock,
      ...(options.store && { store: options.store }),
    })
    const node = new ExchangeNode(this, rooms, options)
    this.nodes.set(rooms.keys.serverName, node)
    return node
  }

  isConnected(a: ServerName, b: ServerName): boolean {
    return this.nodes.has(a) && this.nodes.has(b) && !this.#cut.has(linkOf(a, b))
  }

  cut(a: ExchangeNode, b: ExchangeNode): void {
    this.#cut.add(linkOf(a.name, b.name))
  }

  /** Everybody's links to the node. */
  isolate(node: ExchangeNode): void {
    for (const other of this.nodes.values()) if (other !== node) this.cut(node, other)
  }

  /** Restores the link without anybody noticing. */
  restore(a: ExchangeNode, b: ExchangeNode): void {
    this.#cut.delete(linkOf(a.name, b.name))
  }

  /** Restores the link; both sides meet, as they do on a new connection. */
  async join(a: ExchangeNode, b: ExchangeNode): Promise<void> {
    this.#cut.delete(linkOf(a.name, b.name))
    await Promise.all([a.meet(b), b.meet(a)])
    await this.settled()
  }

  run(work: Promise<unknown>): void {
    const tracked = work.finally(() => this.#work.delete(tracked))
    tracked.catch(() => undefined)
    this.#work.add(tracked)
  }

  /** Resolves once no gossip, request or short timer is under way, and none follows from the last within a few turns. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet++) {
      if (this.#work.size > 0) quiet = 0
      await Promise.allSettled(this.#work)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async stop(): Promise<void> {
    await this.settled()
    for (const node of this.nodes.values()) await node.stop()
  }
}

export class ExchangeNode implements RoomSender {
  readonly rooms: RoomServer
  readonly exchange: Exchange
  readonly logger = new QuietLogger()
  readonly counted: string[] = []
  readonly edus: (readonly [ServerName, readonly JsonObject[]])[] = []
  readonly users = new Set<UserId>()
  readonly outbox: {
    readonly to: ServerName
    readonly method: 'PUT' | 'POST'
    readonly uri: string
    readonly content: JsonObject
  }[] = []
  readonly timers = new HandTimers((work) => this.#network.run(work))
  readonly keys: KeyRing
  readonly #network: ExchangeNetwork
  readonly #table: AnswerTable
  readonly #options: NodeOptions
  readonly #seen = new Set<EventId>()
  readonly #unwatch: () => void

  constructor(network: ExchangeNetwork, rooms: RoomServer, options: NodeOptions) {
    this.#network = network
    this.rooms = rooms
    this.#options = options
    this.keys = this.#keyRing()
    this.exchange = new Exchange({ ...this.#parts(), ...options.parts })
    this.rooms.rooms.setFetchHistory(this.exchange.fetchHistory)
    this.#table = new AnswerTable(this.exchange.answers)
    this.exchange.start()
    this.#unwatch = this.engine.watch({
      localEvent: (roomId, event) => {
        this.#flood(roomId, event.eventId, event.json)
        network.run(this.#oweNotice(roomId, event))
      },
      accepted: (roomId, event) => this.#flood(roomId, event.eventId, event.json),
    })
  }

  get name(): ServerName {
    return this.rooms.keys.serverName
  }

  get engine() {
    return this.rooms.engine
  }

  get change(): ChangeMembership {
    return this.exchange.changeMembership
  }

  get answers(): readonly Answer[] {
    return this.exchange.answers
  }

  user(localpart = 'u'): UserId {
    const userId = this.rooms.user(localpart)
    this.users.add(userId)
    return userId
  }

  invite(roomId: RoomId, target: UserId, sender = this.user()) {
    return this.change({ roomId, sender, target, membership: 'invite' })
  }

  join(roomId: RoomId, via: readonly ExchangeNode[] = [], user = this.user()) {
    return this.change({ roomId, sender: user, target: user, membership: 'join', via: via.map((node) => node.name) })
  }

  leave(roomId: RoomId, user = this.user()) {
    return this.change({ roomId, sender: user, target: user, membership: 'leave' })
  }

  async membership(roomId: RoomId, user: UserId): Promise<string | undefined> {
    return (await this.rooms.reader.membership(roomId, user))?.membership
  }

  /** As another server would ask, through the same table. */
  ask(from: ExchangeNode, method: 'GET' | 'PUT' | 'POST', uri: string, content?: JsonObject): Promise<JsonObject> {
    return from.#requests().request(this.name, method, uri, content)
  }

  async answer(request: WireRequest): Promise<JsonObject> {
    const honest = () =>
      this.#table.answer({
        origin: request.from,
        method: request.method as 'GET',
        uri: request.uri,
        content: request.content,
      })
    return this.#options.tamper ? this.#options.tamper(request, honest) : honest()
  }

  async meet(other: ExchangeNode): Promise<void> {
    await this.flushOutbox(other.name)
    await this.exchange.reconcile(other.name)
  }

  async publish(): Promise<{ readonly recipients: number }> {
    return { recipients: 0 }
  }

  async enqueueRequest(to: ServerName, method: 'PUT' | 'POST', uri: string, content: JsonObject): Promise<void> {
    this.outbox.push({ to, method, uri, content })
    this.#network.run(this.flushOutbox(to))
  }

  async flushOutbox(to: ServerName): Promise<void> {
    for (const item of this.outbox.filter((one) => one.to === to)) {
      const sent = await this.#requests()
        .request(to, item.method, item.uri, item.content)
        .then(() => true)
        .catch((error: unknown) => error instanceof RequestError && error.code === 'refused')
      if (sent && this.outbox.includes(item)) this.outbox.splice(this.outbox.indexOf(item), 1)
    }
  }

  async stop(): Promise<void> {
    this.#unwatch()
    await this.exchange.stop()
    await this.rooms.rooms.stop()
  }

  /** An event by gossip, from a neighbour. */
  hear(json: JsonObject, roomId: RoomId, from: ServerName): Promise<Verdict> {
    return this.exchange.incoming(JSON.parse(JSON.stringify(json)) as JsonObject, roomId, from)
  }

  /** What net does for servers that an event of this one removes. */
  async #oweNotice(roomId: RoomId, pdu: Pdu): Promise<void> {
    const notices = new RemovalNotices({
      ground: { clock: this.#network.clock, crypto: testCrypto, logger: this.logger },
      serverName: this.name,
      destinations: { addRequest: (...request) => this.enqueueRequest(...request) },
      isServerJoined: (...server) => this.engine.isServerJoined(...server),
      carried: async ({ json }) => json,
    })
    await notices.owe({ id: 1, roomId, pdu })
  }

  #flood(roomId: RoomId, eventId: EventId, json: JsonObject): void {
    if (this.#seen.has(eventId)) return
    this.#seen.add(eventId)
    if (!this.#network.gossip || !this.engine.isServerJoined(roomId, this.name)) return
    for (const other of this.#network.nodes.values()) {
      const reached = other !== this && this.#network.isConnected(this.name, other.name)
      if (!reached || !this.engine.isServerJoined(roomId, other.name)) continue
      const carried = { ...json, server_keys: { server_name: serverOf(json.sender as UserId) } }
      this.#network.run(other.hear(carried, roomId, this.name))
    }
  }

  #requests(): ServerRequests {
    return {
      request: (to, method, uri, content) => {
        const answer = this.#send(to, method, uri, content)
        this.#network.run(answer)
        return answer
      },
      byReach: (servers) => {
        const isFar = (server: ServerName) => (this.#network.isConnected(this.name, server) ? 0 : 1)
        return [...servers].sort((a, b) => isFar(a) - isFar(b))
      },
    }
  }

  async #send(to: ServerName, method: string, uri: string, content: JsonObject | undefined): Promise<JsonObject> {
    const request = { from: this.name, to, method, uri, content: clone(content) }
    this.#network.requests.push(request)
    const target = this.#network.nodes.get(to)
    if (!target || !this.#network.isConnected(this.name, to)) throw new RequestError('unreachable', `no way to ${to}`)
    return clone(await target.answer(request).catch(asRefusal))
  }

  #keyRing(): KeyRing {
    const ring = this.rooms.keys
    return {
      serverName: ring.serverName,
      ownServerKeys: () => ring.ownServerKeys(),
      admit: (keys) => ring.admit(keys),
      verifyKey: (server, keyId) => ring.verifyKey(server, keyId),
      serverKeysOf: (server) => ring.serverKeysOf(server),
      sign: (json) => ring.sign(json),
      serverOfPeer: () => undefined,
      peersOf: (server) => (this.#network.isConnected(this.name, server) ? [`peer of ${server}` as PeerId] : []),
    }
  }

  #parts(): ExchangeParts {
    return {
      engine: this.engine,
      keys: this.keys,
      requests: this.#requests(),
      sender: this,
      views: this.rooms.reader,
      users: this.#localUsers(),
      edus: async (origin, edus) => void this.edus.push([origin, edus]),
      store: this.rooms.store,
      crypto: testCrypto,
      clock: this.#network.clock,
      timers: this.timers,
      random: () => 0.5,
      logger: this.logger,
      count: (what, code) => void this.counted.push(`${what}:${code}`),
      versions: ['10', '11', '12'],
    }
  }

  #localUsers(): LocalUsers {
    return {
      discoverable: async () => [],
      exists: async (userId) => this.users.has(userId),
      profile: async (userId) => (this.users.has(userId) ? { displayname: userId } : undefined),
      queryKeys: async (body) => ({
        device_keys: Object.fromEntries(
          Object.keys(body.device_keys as JsonObject).map((userId) => [
            userId,
            { DEVICE: { user_id: userId, unsigned: { device_display_name: 'secret name' } } },
          ]),
        ),
      }),
      claimKeys: async (body) => body,
      devices: async (userId) => ({ user_id: userId, stream_id: 1, devices: [] }),
      deliverToDevice: async () => undefined,
      remoteDevicesChanged: async () => undefined,
      hasErased: async () => false,
    }
  }
}

/** Long timers run when the test says so; short ones as soon as may be. */
class HandTimers implements Timers {
  readonly #waiting = new Set<() => void>()
  readonly #track: (work: Promise<unknown>) => void

  constructor(track: (work: Promise<unknown>) => void) {
    this.#track = track
  }

  after(ms: number, run: () => void): () => void {
    if (ms < 1_000) {
      const immediate = setImmediate(run)
      this.#track(new Promise((resolve) => setImmediate(resolve)))
      return () => clearImmediate(immediate)
    }
    this.#waiting.add(run)
    return () => this.#waiting.delete(run)
  }

  fire(): void {
    for (const run of [...this.#waiting]) {
      this.#waiting.delete(run)
      run()
    }
  }
}

function linkOf(a: ServerName, b: ServerName): string {
  return [a, b].sort().join(' ')
}

function clone<T extends JsonObject | undefined>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}

function asRefusal(error: unknown): never {
  if (!(error instanceof AnswerError)) throw error
  throw new RequestError('refused', error.message, { status: error.status, errcode: error.errcode, cause: error })
}
