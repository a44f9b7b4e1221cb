import type { JsonObject, RoomId, ServerName } from '@starling/protocol'
import { encodeBase64Url } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import type { RoomGossip } from '../gossip/room-gossip.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'

export interface EduSenderParts {
  readonly ground: Ground
  readonly gossip: RoomGossip
  readonly requests: ServerRequests
  readonly bindings: PeerBindings
  readonly sharedRooms: SharedRooms
}

/**
 * Gathers a room's EDUs for a moment and publishes them as one signed batch. Nothing is kept for those who are away: what
 * matters to them is sent when they are met. Of more than a batch's worth in one moment the oldest are dropped.
 */
export class EduSender {
  readonly #parts: EduSenderParts
  readonly #pending = new Map<RoomId, JsonObject[]>()
  readonly #cancels = new Map<RoomId, () => void>()
  readonly #stopping = new AbortController()

  constructor(parts: EduSenderParts) {
    this.#parts = parts
  }

  queue(roomId: RoomId, edu: JsonObject): void {
    const pending = this.#pending.get(roomId) ?? []
    this.#pending.set(roomId, pending)
    pending.push(edu)
    if (pending.length > netLimits.edusPerBatch) pending.shift()
    if (this.#cancels.has(roomId)) return
    this.#cancels.set(
      roomId,
      this.#parts.ground.timers.after(netLimits.eduFlushMs, () => void this.flush(roomId)),
    )
  }

  /** Publishes what waits for the room now. Never throws. */
  async flush(roomId: RoomId): Promise<void> {
    this.#cancels.get(roomId)?.()
    this.#cancels.delete(roomId)
    const edus = this.#pending.get(roomId)
    this.#pending.delete(roomId)
    if (!edus) return
    try {
      const { recipients } = await this.#parts.gossip.publishEdus(roomId, edus)
      // A member of a moment ago is connected before its subscription is known.
      if (recipients === 0) await this.#sendToConnected(roomId, edus)
    } catch (error) {
      this.#parts.ground.logger.warn({ roomId, error }, 'could not publish EDUs')
    }
  }

  async flushAll(): Promise<void> {
    await Promise.all([...this.#pending.keys()].map((roomId) => this.flush(roomId)))
  }

  stop(): void {
    this.#stopping.abort(new Error('stopping'))
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
    this.#pending.clear()
  }

  /** One transaction, now or never. True if it has arrived. */
  async send(server: ServerName, edus: readonly JsonObject[]): Promise<boolean> {
    const { ground, gossip, requests } = this.#parts
    const uri = `/_matrix/federation/v1/send/edus-${encodeBase64Url(ground.randomBytes(12))}`
    const content = { origin: gossip.serverName, origin_server_ts: ground.clock.now(), pdus: [], edus }
    const options = { timeoutMs: netLimits.sendTimeoutMs, signal: this.#stopping.signal }
    try {
      await requests.request(server, 'PUT', uri, content, options)
      return true
    } catch (error) {
      ground.logger.debug({ server, error }, 'could not send EDUs')
      return false
    }
  }

  async #sendToConnected(roomId: RoomId, edus: readonly JsonObject[]): Promise<void> {
    const { bindings, sharedRooms } = this.#parts
    const connected = sharedRooms.serversIn(roomId).filter((server) => bindings.peersOf(server).length > 0)
    await Promise.all(connected.slice(0, netLimits.directRecipients).map((server) => this.send(server, edus)))
  }
}
