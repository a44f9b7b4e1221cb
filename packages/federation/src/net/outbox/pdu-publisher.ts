import type { JsonObject, RoomId, ServerName } from '@starling/protocol'
import { encodeBase64Url, serverOf } from '@starling/protocol'
import type { OutboxRow, PduOutbox, RoomEngine, ServerRequests } from '../../contracts.ts'
import type { RoomGossip } from '../gossip/room-gossip.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import type { RemovalNotices } from './removal-notices.ts'

export interface PduPublisherParts {
  readonly ground: Ground
  readonly outbox: PduOutbox
  readonly engine: Pick<RoomEngine, 'watch' | 'joinedServers'>
  readonly gossip: Pick<RoomGossip, 'serverName' | 'publish' | 'carried'>
  readonly bindings: Pick<PeerBindings, 'watch' | 'peersOf'>
  readonly requests: Pick<ServerRequests, 'request'>
  /** Tells removed servers; absent: nobody is told but by the room's topic. */
  readonly notices?: Pick<RemovalNotices, 'owe'>
  /** Whether the room's access control list lets the server have its events. */
  readonly isAllowed?: (roomId: RoomId, server: ServerName) => boolean
}

/**
 * Drains the outbox of local events: published on the room's topic; where nobody is subscribed though a member is connected
 * (a join of a moment ago), sent to the members as a transaction. A row goes once somebody has it, or nobody is
 * left to have it. What finds nobody at home stays, for the next meeting and for the next start; of such rows the newest
 * `outboxKept` are kept, since anti-entropy brings whatever a meeting member lacks.
 */
export class PduPublisher {
  readonly #parts: PduPublisherParts
  readonly #stops: (() => void)[] = []
  #running: Promise<void> | undefined
  #again = false
  readonly #stopping = new AbortController()
  #cancelRetry: (() => void) | undefined

  constructor(parts: PduPublisherParts) {
    this.#parts = parts
  }

  start(): void {
    const { bindings, engine } = this.#parts
    this.#stops.push(engine.watch({ localEvent: () => this.kick() }), bindings.watch({ met: () => this.kick() }))
    this.kick()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'))
    for (const stop of this.#stops.splice(0)) stop()
    this.#cancelRetry?.()
    await this.#running
  }

  /** Looks at the outbox now, and once more if it was being looked at already. */
  kick(): void {
    if (this.#stopping.signal.aborted) return
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#again) this.kick()
    })
  }

  /** Resolves once the outbox has been gone through. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#stopping.signal.aborted) {
        this.#again = false
        this.#retryLater(await this.#drain())
      }
    } catch (error) {
      this.#again = false
      this.#parts.ground.logger.error({ error }, 'publishing from the outbox failed')
      this.#retryLater(1)
    }
  }

  /** Number of rows that stay. */
  async #drain(): Promise<number> {
    const { outbox } = this.#parts
    const waiting: number[] = []
    let after: number | undefined
    for (;;) {
      const rows = await outbox.pending(netLimits.outboxBatch, after)
      const done: number[] = []
      for (const row of rows) {
        if (await this.#publish(row)) done.push(row.id)
        else waiting.push(row.id)
      }
      const excess = waiting.splice(0, Math.max(0, waiting.length - netLimits.outboxKept))
      if (done.length + excess.length > 0) await outbox.done([...done, ...excess])
      after = rows.at(-1)?.id
      if (rows.length < netLimits.outboxBatch || this.#stopping.signal.aborted) return waiting.length
    }
  }

  async #publish(row: OutboxRow): Promise<boolean> {
    const { bindings, engine, gossip, isAllowed, notices } = this.#parts
    await notices?.owe(row)
    const { recipients } = await gossip.publish(row.roomId, row.pdu)
    if (recipients > 0) return true
    const others = [...(await engine.joinedServers(row.roomId))].filter(
      (server) => server !== gossip.serverName && (isAllowed?.(row.roomId, server) ?? true),
    )
    if (others.length === 0) return true
    const connected = others.filter((server) => bindings.peersOf(server).length > 0)
    // Who has just had its join let in here, say, has it.
    const readers = connected.filter((server) => server !== serverOf(row.pdu.sender))
    return connected.length > 0 && (readers.length === 0 || (await this.#sendDirectly(row, readers)))
  }

  /** `PUT /send/{txnId}` (server-server API, "Transactions") to each connected member. */
  async #sendDirectly(row: OutboxRow, servers: readonly ServerName[]): Promise<boolean> {
    const { gossip, ground, requests } = this.#parts
    const options = { timeoutMs: netLimits.sendTimeoutMs, signal: this.#stopping.signal }
    const name = encodeBase64Url(ground.crypto.sha256(new TextEncoder().encode(row.pdu.eventId))).slice(0, 22)
    const uri = `/_matrix/federation/v1/send/event-${name}`
    const pdu = await gossip.carried(row.pdu)
    const content: JsonObject = { origin: gossip.serverName, origin_server_ts: ground.clock.now(), pdus: [pdu] }
    const sent = await Promise.all(
      servers.slice(0, netLimits.directRecipients).map((server) =>
        requests.request(server, 'PUT', uri, content, options).then(
          () => true,
          (error: unknown) => {
            ground.logger.debug({ server, eventId: row.pdu.eventId, error }, 'could not send an event directly')
            return false
          },
        ),
      ),
    )
    return sent.includes(true)
  }

  #retryLater(waiting: number): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    if (waiting === 0 || this.#stopping.signal.aborted) return
    this.#cancelRetry = this.#parts.ground.timers.after(netLimits.outboxRetryMs, () => this.kick())
  }
}
