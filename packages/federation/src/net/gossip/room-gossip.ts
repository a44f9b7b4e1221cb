import type { JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import {
  canonicalBytes,
  JsonError,
  parseStrictObject,
  parseUserId,
  roomVersionRules,
  serverOf,
  withoutKeys,
} from '@starling/protocol'
import type { RoomEngine, RoomExchange } from '../../contracts.ts'
import type { Gossip, GossipVerdict, PeerId } from '../../ports.ts'
import { LruMap } from '../../store/lru-map.ts'
import type { ServerKeyRing } from '../identity/key-ring.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import { TokenBuckets } from '../token-buckets.ts'
import { type EduBatch, isBatchSigned, readBatch, sealBatch } from './edu-batch.ts'
import { GossipQueues } from './gossip-queues.ts'
import { InvalidMessages } from './invalid-messages.ts'
import { topicOf } from './topic.ts'

/** Takes EDUs that a room's topic brought; `origin` has signed them. Never throws. */
export type BatchSink = (
  origin: ServerName,
  roomId: RoomId,
  edus: readonly JsonObject[],
  originServerTs: number,
) => Promise<void>

export interface RoomGossipParts {
  readonly ground: Ground
  readonly gossip: Gossip
  readonly keyRing: ServerKeyRing
  readonly bindings: PeerBindings
  readonly sharedRooms: SharedRooms
  readonly engine: Pick<RoomEngine, 'check' | 'roomVersion' | 'isServerJoined' | 'inDag' | 'watch'>
  readonly exchange: Pick<RoomExchange, 'incoming'>
  readonly edus: BatchSink
  /** `off` only in the twin tests that show what they are for. */
  readonly admission?: 'on' | 'off'
  readonly senderCheck?: 'on' | 'off'
}

/** What came of a message: the verdict for gossip, and why, where it is not accepted. */
interface Judgement {
  readonly verdict: GossipVerdict
  readonly code?: string
}

const ACCEPT: Judgement = { verdict: 'accept' }
const reject = (code: string): Judgement => ({ verdict: 'reject', code })
const ignore = (code: string): Judgement => ({ verdict: 'ignore', code })

/**
 * One topic per joined room (DESIGN sections 1 and 4). Who may subscribe: peers authorised for a server with a joined user in
 * the room, for as long as it has one. What is passed on: PDUs and EDU batches that pass every check which needs no room
 * state. Accepted PDUs wait in a queue per room for the exchange.
 */
export class RoomGossip {
  readonly #parts: RoomGossipParts
  readonly #rooms = new Map<string, RoomId>()
  readonly #topics = new Map<RoomId, string>()
  readonly #queues: GossipQueues
  readonly #invalid: InvalidMessages
  readonly #eduRates: TokenBuckets
  readonly #validating = new Map<PeerId, number>()
  /** Time of each server's newest batch of EDUs by room; the least recent is forgotten first. */
  readonly #newestBatch = new LruMap<string, number>(netLimits.typingRooms)
  readonly #stops: (() => void)[] = []

  constructor(parts: RoomGossipParts) {
    this.#parts = parts
    this.#queues = new GossipQueues(netLimits.queuedPerRoom, netLimits.queuedInAll, {
      timers: parts.ground.timers,
      ms: netLimits.queuePatienceMs,
      overdueInAll: netLimits.overdueInAll,
    })
    this.#invalid = new InvalidMessages(parts.ground.clock)
    this.#eduRates = new TokenBuckets(parts.ground.clock, netLimits.eduBurst, netLimits.edusPerSecond)
  }

  get serverName(): ServerName {
    return this.#parts.keyRing.serverName
  }

  start(): void {
    const { bindings, engine, gossip, sharedRooms } = this.#parts
    gossip.setAdmission((peer, topic) => this.#admits(peer, topic))
    for (const roomId of sharedRooms.rooms()) this.#follow(roomId)
    this.#stops.push(
      sharedRooms.watch((roomId) => this.#follow(roomId)),
      // In the very turn in which a removal is durable, before anything is published: the index follows a moment later.
      engine.watch({ serversChanged: (roomId) => this.#review(roomId) }),
      bindings.watch({ bound: (peer) => gossip.reviewAdmission(peer) }),
    )
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const topic of this.#rooms.keys()) this.#parts.gossip.unsubscribe(topic)
    this.#rooms.clear()
    this.#topics.clear()
  }

  /** Publishes an event, with its server's keys, to the room's topic. */
  async publish(roomId: RoomId, pdu: Pdu): Promise<{ readonly recipients: number }> {
    const topic = this.#topics.get(roomId)
    if (topic === undefined) return { recipients: 0 }
    return this.#parts.gossip.publish(topic, await this.packed(pdu))
  }

  async publishEdus(roomId: RoomId, edus: readonly JsonObject[]): Promise<{ readonly recipients: number }> {
    const topic = this.#topics.get(roomId)
    if (topic === undefined) return { recipients: 0 }
    const { gossip, ground, keyRing } = this.#parts
    return gossip.publish(topic, sealBatch(roomId, edus, ground.clock.now(), keyRing))
  }

  /** The event as it travels: with the `server_keys` of its sender's server beside the signatures. */
  async carried(pdu: Pdu): Promise<JsonObject> {
    const serverKeys = await this.#parts.keyRing.serverKeysOf(serverOf(pdu.sender))
    return serverKeys ? { ...pdu.json, server_keys: serverKeys } : pdu.json
  }

  async packed(pdu: Pdu): Promise<Uint8Array> {
    // Events of room versions 1 to 5 may hold fractions; they have to leave as they came.
    return canonicalBytes(await this.carried(pdu), { numbers: 'any' })
  }

  /** Resolves once every accepted PDU has been handled. */
  drained(): Promise<void> {
    return this.#queues.drained()
  }

  #admits(peer: PeerId, topic: string): boolean {
    if (this.#parts.admission === 'off') return true
    const roomId = this.#rooms.get(topic)
    const server = this.#parts.keyRing.serverOfPeer(peer)
    return roomId !== undefined && server !== undefined && this.#parts.sharedRooms.isMember(roomId, server)
  }

  #follow(roomId: RoomId): void {
    const { gossip, ground, sharedRooms } = this.#parts
    const topic = topicOf(roomId, ground.crypto.sha256)
    if (sharedRooms.has(roomId)) {
      if (!this.#rooms.has(topic)) {
        this.#rooms.set(topic, roomId)
        this.#topics.set(roomId, topic)
        gossip.subscribe(topic, (from, data) => this.#validate(roomId, from, data))
      }
    } else if (this.#rooms.delete(topic)) {
      this.#topics.delete(roomId)
      gossip.unsubscribe(topic)
    }
    gossip.reviewAdmission(undefined, topic)
  }

  #review(roomId: RoomId): void {
    const topic = this.#topics.get(roomId)
    if (topic !== undefined) this.#parts.gossip.reviewAdmission(undefined, topic)
  }

  async #validate(roomId: RoomId, from: PeerId, data: Uint8Array): Promise<GossipVerdict> {
    const running = this.#validating.get(from) ?? 0
    if (running >= netLimits.validationsPerPeer) return this.#report(from, ignore('too-many-at-once'))
    this.#validating.set(from, running + 1)
    try {
      return this.#report(from, await this.#judge(roomId, from, data))
    } catch (error) {
      this.#parts.ground.logger.error({ roomId, peerId: from, error }, 'validating a gossip message failed')
      return 'ignore'
    } finally {
      const left = (this.#validating.get(from) ?? 1) - 1
      if (left === 0) this.#validating.delete(from)
      else this.#validating.set(from, left)
    }
  }

  /** A batch that is well behind its server's newest for the room is a replay; by its own clock, whatever ours shows. */
  #isNewer({ origin, roomId, originServerTs }: EduBatch): boolean {
    const key = `${origin} ${roomId}`
    const newest = this.#newestBatch.get(key) ?? 0
    if (originServerTs < newest - netLimits.batchSlackMs) return false
    // A time far ahead would keep its own server's later batches out; that is its own doing.
    this.#newestBatch.set(key, Math.max(newest, originServerTs))
    return true
  }

  #report(from: PeerId, judgement: Judgement): GossipVerdict {
    if (judgement.code !== undefined) {
      this.#parts.ground.count('gossip_dropped', judgement.code)
      this.#parts.ground.logger.debug({ peerId: from, code: judgement.code }, 'gossip message dropped')
    }
    if (judgement.verdict === 'reject') this.#invalid.add(from)
    return judgement.verdict
  }

  async #judge(roomId: RoomId, from: PeerId, data: Uint8Array): Promise<Judgement> {
    if (this.#invalid.isFlooding(from)) return ignore('flood')
    const carrier = this.#parts.keyRing.serverOfPeer(from)
    if (carrier === undefined || !this.#parts.sharedRooms.isMember(roomId, carrier)) return ignore('carrier-no-member')
    if (data.length > netLimits.gossipBytes) return reject('too-large')
    const json = parse(data)
    if (!json) return reject('not-json')
    if (json.room_id !== roomId) return reject('room-mismatch')
    return json.edus === undefined ? this.#judgePdu(roomId, carrier, json) : this.#judgeBatch(roomId, json)
  }

  async #judgePdu(roomId: RoomId, carrier: ServerName, json: JsonObject): Promise<Judgement> {
    const { engine, exchange, keyRing, sharedRooms } = this.#parts
    const sender = parseUserId(json.sender)
    if (!sender) return reject('no-sender')
    // By the event's own server, whoever carries it (bad input 60).
    if (!sharedRooms.isAllowed(roomId, serverOf(sender))) return ignore('server-acl')
    // Of a server that is not in the room the keys are kept once an event of it is accepted.
    const keep = engine.isServerJoined(roomId, serverOf(sender))
    const admitted = await keyRing.admit(json.server_keys, { keep })
    if (!admitted.ok) return reject('server-keys')
    if (admitted.server !== serverOf(sender) && this.#parts.senderCheck !== 'off') return reject('keys-not-of-sender')
    const version = await engine.roomVersion(roomId)
    if (version === undefined || !roomVersionRules(version)) return ignore('room-version')
    const result = await engine.check(withoutKeys(json, 'server_keys', 'unsigned'), version)
    // A co-signer's keys do not travel with the event: not having them is nobody's fault, the exchange fetches them.
    if (!result.ok && result.code !== 'unknown_key') return reject(result.code)
    // Content that does not match its hash may have been changed on the way, to have the redacted form stored before the
    // whole event comes. If its author made it so, anti-entropy brings it in its redacted form.
    if (result.ok && result.checked.redacted) return ignore('hash-mismatch')
    if (result.ok && (await this.#isReplay(result.checked.pdu))) return ignore('replay')
    const job = async () => {
      const verdict = await exchange.incoming(json, roomId, carrier, result.ok ? result.checked : undefined)
      if (verdict.kind === 'rejected' || verdict.kind === 'refused')
        this.#parts.ground.count('gossip_pdu', verdict.kind)
    }
    if (!this.#queues.push(roomId, job)) return ignore('queue-full')
    return result.ok ? ACCEPT : ignore(result.code)
  }

  /** An old event that is here already goes no further: the seen-cache forgets it after minutes, the store does not (64). */
  async #isReplay({ eventId, originServerTs }: Pdu): Promise<boolean> {
    if (this.#parts.ground.clock.now() - originServerTs < netLimits.replayAfterMs) return false
    return (await this.#parts.engine.inDag([eventId])).has(eventId)
  }

  async #judgeBatch(roomId: RoomId, json: JsonObject): Promise<Judgement> {
    const { edus, ground, keyRing, sharedRooms } = this.#parts
    const batch = readBatch(json)
    if (!batch) return reject('no-batch')
    if (!sharedRooms.isMember(roomId, batch.origin)) return ignore('origin-no-member')
    const admitted = await keyRing.admit(batch.serverKeys)
    if (!admitted.ok || admitted.server !== batch.origin) return reject('server-keys')
    if (!(await isBatchSigned(batch, keyRing, ground.crypto.ed25519))) return reject('bad-signature')
    if (!this.#isNewer(batch)) return ignore('stale-batch')
    if (!this.#eduRates.take(batch.origin, batch.edus.length)) return ignore('edu-rate')
    await edus(batch.origin, roomId, batch.edus, batch.originServerTs)
    return ACCEPT
  }
}

function parse(data: Uint8Array): JsonObject | undefined {
  try {
    return parseStrictObject(data, { numbers: 'any' })
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}
