/**
 * Everything between nodes that is not about one room's events.
 *
 *     const keys = await openNetKeys(ground, identitySeed, transport.peerId)
 *     const rooms = await openRooms({ keys: keys.keyRing, … })
 *     const net = new FederationNet({ ground, keys, transport, gossip, rendezvous, engine: rooms.engine, … })
 *     const exchange = new Exchange({ requests: net.requests, sender: net.sender, edus: net.edus, … })
 *     await net.start(exchange, exchange.answers)
 */
import { type ServerName, serverOf } from '@starling/protocol'
import type { Answer, PduOutbox, RoomExchange, RoomSender, ServerRequests } from '../contracts.ts'
import type { Gossip, LocalMedia, LocalUsers, Rendezvous, Transport } from '../ports.ts'
import { Advertiser } from './discovery/advertiser.ts'
import { Listings } from './discovery/listings.ts'
import { ownerAnswer } from './discovery/owner-answer.ts'
import { NetUserSearch } from './discovery/user-search.ts'
import { EduReceiver } from './edus/edu-receiver.ts'
import { EduSender } from './edus/edu-sender.ts'
import { EphemeralData } from './edus/ephemeral.ts'
import { JoinedUsers } from './edus/joined-users.ts'
import { OutboundEdus } from './edus/outbound.ts'
import type { Positions } from './edus/positions.ts'
import { PresenceBook } from './edus/presence.ts'
import { Receipts } from './edus/receipts.ts'
import { Typing } from './edus/typing.ts'
import { RoomGossip } from './gossip/room-gossip.ts'
import { KeysProtocol } from './keys-protocol/keys-protocol.ts'
import { netLimits } from './limits.ts'
import { MediaClient } from './media/media-client.ts'
import { MediaServer } from './media/media-server.ts'
import type { NetKeys } from './net-keys.ts'
import { DestinationOutbox } from './outbox/destination-outbox.ts'
import { PduPublisher } from './outbox/pdu-publisher.ts'
import { RemovalNotices } from './outbox/removal-notices.ts'
import type { Ground, NetEngine } from './ports.ts'
import { RemoteServerQueries } from './remote/remote-servers.ts'
import { AnswerTable } from './requests/answer-table.ts'
import { Reach } from './requests/reach.ts'
import { RequestClient } from './requests/request-client.ts'
import { RequestRelay } from './requests/request-relay.ts'
import { RequestServer } from './requests/request-server.ts'
import { SecondLooks } from './second-looks.ts'
import { SharedRooms } from './shared-rooms.ts'

export interface FederationNetParts {
  readonly ground: Ground
  readonly keys: NetKeys
  readonly transport: Transport
  readonly gossip: Gossip
  readonly rendezvous: Rendezvous
  readonly engine: NetEngine
  readonly outbox: PduOutbox
  readonly positions: Positions
  readonly users: LocalUsers
  readonly media: LocalMedia
  /** Each defence can be turned off by the twin of its test, and by nothing else. */
  readonly defences?: Partial<Record<Defence, 'off'>>
}

export type Defence =
  | 'admission'
  | 'senderCheck'
  | 'replayCheck'
  | 'answerCheck'
  | 'ownerCheck'
  | 'suffixCheck'
  | 'hashCheck'

/** Starts, wires and stops the parts of net/. */
export class FederationNet implements AsyncDisposable {
  /** For the exchange and whoever asks servers. */
  readonly requests: ServerRequests
  /** For the exchange. */
  readonly sender: RoomSender
  /** For the exchange: EDUs of transactions. */
  readonly edus: (origin: ServerName, edus: Parameters<EduReceiver['fromTransaction']>[1]) => Promise<void>
  /** Fits matrix-api's `Ephemeral`. */
  readonly ephemeral: EphemeralData
  /** Fits matrix-api's `Outbound`. */
  readonly outbound: OutboundEdus
  /** Fits matrix-api's `RemoteServers`. */
  readonly remoteServers: RemoteServerQueries
  /** Fits matrix-api's `UserSearch`. */
  readonly userSearch: NetUserSearch
  readonly keysProtocol: KeysProtocol
  readonly sharedRooms: SharedRooms
  readonly roomGossip: RoomGossip
  readonly #parts: FederationNetParts
  readonly #reach: Reach
  readonly #relay: RequestRelay
  readonly #publisher: PduPublisher
  readonly #outbox: DestinationOutbox
  readonly #eduSender: EduSender
  readonly #advertiser: Advertiser
  readonly #mediaServer: MediaServer
  readonly #stopping = new AbortController()
  readonly #meeting = new Set<Promise<void>>()
  readonly #secondLooks: SecondLooks
  #exchange: RoomExchange | undefined
  #unwatch: (() => void) | undefined

  constructor(parts: FederationNetParts) {
    const { engine, gossip, ground, media, outbox, rendezvous, transport, users, defences = {} } = parts
    const { bindings, identity, keyRing } = parts.keys
    const serverName = keyRing.serverName
    this.#parts = parts
    const sharedRooms = new SharedRooms(engine, serverName, ground.logger)
    const keysProtocol = new KeysProtocol({ ground, transport, identity, keyRing, bindings, sharedRooms })
    const reach = new Reach({ ground, transport, rendezvous, keyRing, keysProtocol })
    const requests = new RequestClient({
      ground,
      transport,
      keyRing,
      sharedRooms,
      reach,
      ...pick(defences, 'answerCheck'),
    })
    const joined = new JoinedUsers(engine)
    const typing = new Typing(parts.positions, ground.timers)
    const receipts = new Receipts(ground.store, parts.positions)
    const presence = new PresenceBook(ground.clock, parts.positions)
    const people = { ground, serverName, sharedRooms, joined, typing, receipts, presence }
    const receiver = new EduReceiver({ ...people, users, ...pick(defences, 'ownerCheck') })
    const roomGossip = new RoomGossip({
      ...{ ground, gossip, keyRing, bindings, sharedRooms, engine },
      exchange: { incoming: (...event) => this.#started().incoming(...event) },
      edus: (...batch) => receiver.fromRoom(...batch),
      ...pick(defences, 'admission'),
      ...pick(defences, 'senderCheck'),
    })
    const eduSender = new EduSender({ ground, gossip: roomGossip, requests, bindings, sharedRooms })
    const destinations = new DestinationOutbox({ ground, requests, bindings, serverName })
    const advertiser = new Advertiser(ground, rendezvous, users, serverName)
    const mediaClient = new MediaClient({ ground, transport, reach, ...pick(defences, 'hashCheck') })
    this.#secondLooks = new SecondLooks(ground.timers, netLimits.secondLooksMs, (server) => this.#compare(server))
    this.#reach = reach
    this.#relay = new RequestRelay(ground, transport, keyRing, sharedRooms)
    const notices = new RemovalNotices({
      ...{ ground, serverName, destinations },
      isServerJoined: (roomId, server) => engine.isServerJoined(roomId, server),
      carried: (pdu) => roomGossip.carried(pdu),
    })
    this.#publisher = new PduPublisher({
      ...{ ground, outbox, engine, gossip: roomGossip, bindings, requests, notices },
      // Of a room that was just left nothing is known here any more: its members hear of the leave.
      isAllowed: (roomId, server) => !sharedRooms.has(roomId) || sharedRooms.isAllowed(roomId, server),
    })
    this.#outbox = destinations
    this.#eduSender = eduSender
    this.#advertiser = advertiser
    this.#mediaServer = new MediaServer({ ground, transport, keysProtocol, media })
    this.keysProtocol = keysProtocol
    this.sharedRooms = sharedRooms
    this.roomGossip = roomGossip
    this.requests = requests
    this.sender = {
      publish: (roomId, pdu) => roomGossip.publish(roomId, pdu),
      enqueueRequest: (...request) => destinations.addRequest(...request),
    }
    this.edus = (origin, edus) => receiver.fromTransaction(origin, edus)
    this.ephemeral = new EphemeralData({ ...people, engine, bindings, sender: eduSender })
    this.outbound = new OutboundEdus({
      ...{ ground, outbox: destinations, sharedRooms, joined },
      profileChanged: (userId) => advertiser.profileChanged(userId),
    })
    this.remoteServers = new RemoteServerQueries(requests, mediaClient)
    this.userSearch = new NetUserSearch({
      ...{ ground, serverName, transport, rendezvous, bindings, reach },
      listings: new Listings(ground, requests),
      ...pick(defences, 'suffixCheck'),
    })
  }

  /** `answers`: the rows that others may ask for, beside net's own. Greets peers last, when everything can be answered. */
  async start(exchange: RoomExchange, answers: readonly Answer[]): Promise<void> {
    const { ground, keys, transport, users, defences = {} } = this.#parts
    this.#exchange = exchange
    const server = new RequestServer({
      ...{ ground, transport, sharedRooms: this.sharedRooms, relay: this.#relay },
      keyRing: keys.keyRing,
      bindings: keys.bindings,
      table: new AnswerTable([...answers, ownerAnswer(users)]),
      ...pick(defences, 'replayCheck'),
    })
    await this.sharedRooms.start()
    await server.start()
    await this.#mediaServer.start()
    this.roomGossip.start()
    const unwatchMeetings = keys.bindings.watch({
      met: (server) => this.#met(server),
      lost: (server) => this.#secondLooks.lost(server),
    })
    // Whose event has a place in a room is no passing stranger any more: its keys travel on with the event.
    const unwatchEvents = this.#parts.engine.watch({ accepted: (_, event) => this.#keepKeys(serverOf(event.sender)) })
    this.#unwatch = () => {
      unwatchMeetings()
      unwatchEvents()
    }
    this.ephemeral.start()
    this.#publisher.start()
    await this.#outbox.start()
    await this.keysProtocol.start()
    this.#advertiser.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'))
    this.#unwatch?.()
    this.#secondLooks.stop()
    this.#advertiser.stop()
    this.keysProtocol.stop()
    this.ephemeral.stop()
    await this.#publisher.stop()
    await this.#outbox.stop()
    this.roomGossip.stop()
    this.sharedRooms.stop()
    await Promise.all(this.#meeting)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Resolves once everything queued has been handled or is waiting for somebody who is away. */
  async drained(): Promise<void> {
    await this.#eduSender.flushAll()
    await this.#publisher.drained()
    await this.#outbox.settled()
    await Promise.all(this.#meeting)
    await this.roomGossip.drained()
  }

  /** A server is there. One that shares a room is compared with; any other may be owed the news of a rejected invite. */
  #met(server: ServerName): void {
    this.#reach.met(server)
    this.#compare(server)
    this.#secondLooks.met(server)
  }

  #compare(server: ServerName): void {
    const exchange = this.#started()
    const options = { signal: this.#stopping.signal }
    const isNeighbour = this.sharedRooms.isNeighbour(server)
    const meeting = (isNeighbour ? exchange.reconcile(server, options) : exchange.tellPendingLeaves(server, options))
      .catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return
        this.#parts.ground.logger.warn({ server, error }, 'comparing with a server just met failed')
      })
      .finally(() => this.#meeting.delete(meeting))
    this.#meeting.add(meeting)
  }

  #keepKeys(server: ServerName): void {
    this.#parts.keys.keyRing.keep(server).catch((error: unknown) => {
      this.#parts.ground.logger.error({ server, error }, 'the keys of a server could not be kept')
    })
  }

  #started(): RoomExchange {
    if (!this.#exchange) throw new Error('net has not been started')
    return this.#exchange
  }
}

/** The defence's setting, where a twin test gave one. */
function pick<D extends Defence>(defences: Partial<Record<Defence, 'off'>>, defence: D): Partial<Record<D, 'off'>> {
  const setting = defences[defence]
  return setting === undefined ? {} : ({ [defence]: setting } as Record<D, 'off'>)
}
