/**
 * Rooms between servers: what this server asks of others and answers them, over a `RoomEngine` that knows no peer and
 * `ServerRequests` that know no room.
 *
 *     const exchange = new Exchange({ engine, keys, requests, … })
 *     requests.mount(exchange.answers)          // net/
 *     gossip.deliverTo(exchange)                // net/: incoming(), reconcile()
 *     rooms.changeMembership = exchange.changeMembership
 *     rooms.setFetchHistory(exchange.fetchHistory)   // engine's openRooms
 *     exchange.start()
 */
import type { AbortOptions, EventId, JsonObject, Logger, RoomId, ServerName } from '@starling/protocol'
import type { Answer, CheckedPdu, RoomExchange, Verdict } from '../contracts.ts'
import { MembershipGate } from './access/room-gate.ts'
import { softFailReason } from './access/soft-fail-reason.ts'
import type { AnswerParts } from './answers/answer-parts.ts'
import { RoomManifests } from './answers/room-manifest.ts'
import { answerTable } from './answers/table.ts'
import { Heartbeat } from './anti-entropy/heartbeat.ts'
import { ExtremityMerger } from './anti-entropy/merge-extremities.ts'
import { Reconciler } from './anti-entropy/reconciler.ts'
import { RoomDigests } from './anti-entropy/room-digests.ts'
import { SleepWatch } from './anti-entropy/sleep-watch.ts'
import { EventBudget } from './event-budget.ts'
import { CatchUp } from './fetching/catch-up.ts'
import { RoomCompletion } from './fetching/complete-rooms.ts'
import { EventFetcher } from './fetching/fetch-events.ts'
import { fetchHistory } from './fetching/history.ts'
import { type IncomingParts, takeIncoming } from './fetching/incoming.ts'
import { IncompleteEvents } from './fetching/incomplete-events.ts'
import { PoliteRequests } from './fetching/polite-requests.ts'
import { HourlyQuota } from './hourly-quota.ts'
import { limits } from './limits.ts'
import { type MembershipParts, membershipChanger } from './membership/change-membership.ts'
import { JoinRows } from './membership/join-rows.ts'
import { JoinsUnderWay } from './membership/joins-under-way.ts'
import { tellPendingLeaves } from './membership/leave-remote.ts'
import type { ChangeMembership } from './membership/membership-change.ts'
import { PendingLeaves } from './membership/pending-leaves.ts'
import { resumeJoins } from './membership/resume-joins.ts'
import { PeerRations } from './peer-rations.ts'
import type { ExchangeParts } from './ports.ts'
import { EventCarrier } from './wire/event-carrier.ts'
import { KeyFetcher } from './wire/key-fetcher.ts'
import { KeyedLock } from './wire/keyed-lock.ts'

export class Exchange implements RoomExchange, AsyncDisposable {
  /** Fits `Rooms.changeMembership` of matrix-api. */
  readonly changeMembership: ChangeMembership
  /** Rows for the table that net/ serves. */
  readonly answers: readonly Answer[]
  /** Joins of rooms that take their time, for whoever shows them. */
  readonly joins: JoinsUnderWay
  readonly #parts: ExchangeParts
  readonly #logger: Logger
  readonly #membership: MembershipParts
  readonly #incoming: IncomingParts
  readonly #catchUp: CatchUp
  readonly #fetcher: EventFetcher
  readonly #completion: RoomCompletion
  readonly #incomplete: IncompleteEvents
  readonly #reconciler: Reconciler
  readonly #heartbeat: Heartbeat
  readonly #merger: ExtremityMerger
  readonly #sleepWatch: SleepWatch
  readonly #stopping = new AbortController()
  #resuming: Promise<void> = Promise.resolve()

  constructor(parts: ExchangeParts) {
    const { engine, keys, views, clock, timers, random, versions } = parts
    const count = parts.count ?? (() => undefined)
    const requests = new PoliteRequests(parts.requests)
    const carrier = new EventCarrier(engine, keys, new KeyFetcher(keys, requests, clock, count), count)
    this.joins = new JoinsUnderWay(clock, timers)
    this.#parts = { ...parts, requests }
    this.#logger = parts.logger
    const softFail = (checked: CheckedPdu) => softFailReason(parts, checked)
    const incomplete = (...event: Parameters<IncompleteEvents['note']>) => this.#incomplete.note(...event)
    this.#fetcher = new EventFetcher({
      ...{ engine, requests, carrier, count, incomplete },
      budget: new EventBudget(clock, limits.fetchedEventsPerMinute),
      rations: new PeerRations(clock, limits.fetchedPerHour),
    })
    const { sha256 } = parts.crypto
    this.#completion = new RoomCompletion({
      ...{ engine, clock },
      fetchHistory: (...history) => this.fetchHistory(...history),
    })
    this.#catchUp = new CatchUp({
      ...{ engine, keys, requests, fetcher: this.#fetcher, clock, timers, sha256, count, softFail, incomplete },
      mayBridge: (roomId) => this.#completion.isGivenUp(roomId),
    })
    this.#incomplete = new IncompleteEvents({
      ...{ engine, store: parts.store, fetcher: this.#fetcher },
      settle: (...event) => this.#catchUp.settle(...event),
    })
    const digests = new RoomDigests(engine, sha256)
    this.#reconciler = new Reconciler({
      ...{ engine, keys, requests, carrier, digests, timers, clock, count },
      catchUp: this.#catchUp,
      fetcher: this.#fetcher,
    })
    this.#merger = new ExtremityMerger({ engine, keys, sha256 })
    this.#sleepWatch = new SleepWatch(timers, clock, (sleptMs) => this.#wake(sleptMs))
    this.#heartbeat = new Heartbeat({
      ...{ engine, keys, timers, random },
      lastMet: (server) => this.#reconciler.lastMet(server),
      beat: (servers) => this.#beat(servers),
    })
    this.#incoming = { engine, keys, views, carrier, sha256, count, softFail, catchUp: this.#catchUp }
    this.#membership = {
      ...{ engine, keys, requests, views, carrier, clock, versions, count, timers, sha256 },
      rows: new JoinRows(parts.store),
      joins: this.joins,
      lock: new KeyedLock(),
      stopping: this.#stopping.signal,
      settle: (checked, from) => this.#catchUp.settle(checked, from, { signal: this.#signal() }),
      sender: parts.sender,
      crypto: parts.crypto,
      pendingLeaves: new PendingLeaves(parts.store, clock),
      entered: (roomId, servers) => {
        for (const server of servers ?? []) this.#inBackground(this.reconcile(server), 'comparing after a join failed')
        this.#inBackground(this.#fetchNewest(roomId), 'the newest messages of a room just entered were not fetched')
      },
    }
    this.changeMembership = membershipChanger(this.#membership)
    this.answers = answerTable(this.#answerParts(carrier), digests)
  }

  start(): void {
    this.#heartbeat.start()
    this.#sleepWatch.start()
    this.#resuming = resumeJoins(this.#membership, { signal: this.#stopping.signal }).catch((error: unknown) =>
      this.#failed(error, 'joins of the last run could not be gone on with'),
    )
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'))
    this.#sleepWatch.stop()
    await this.#resuming
    await this.joins.ended()
    await this.#heartbeat.stop()
    await this.#reconciler.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async incoming(json: JsonObject, roomId: RoomId, carrier: ServerName, checked?: CheckedPdu): Promise<Verdict> {
    try {
      return await takeIncoming(this.#incoming, json, roomId, carrier, checked)
    } catch (error) {
      // A store that cannot be written, or stopping. The event is not lost: anti-entropy brings it again.
      this.#logger.error({ error, roomId }, 'an incoming event could not be taken')
      return { kind: 'refused', eventId: checked?.pdu.eventId ?? ('' as EventId), reason: 'internal error' }
    }
  }

  async reconcile(server: ServerName, options?: AbortOptions): Promise<void> {
    if (server === this.#parts.keys.serverName) return
    const signal = this.#signal(options)
    await this.tellPendingLeaves(server, { signal })
    await this.#reconciler.reconcile(server, { signal })
    await this.#incomplete.repair(server, { signal })
    if (!(await this.#completion.completeWith(server, { signal }))) return
    // What stood beside a gap finds its parents here now.
    await this.#catchUp.retryParked({ signal })
    await this.#reconciler.reconcile(server, { signal })
  }

  async tellPendingLeaves(server: ServerName, options?: AbortOptions): Promise<void> {
    await tellPendingLeaves(this.#membership, server, { signal: this.#signal(options) })
  }

  /** Fits the hook of the engine's reader: see `fetching/history.ts`. */
  readonly fetchHistory = (
    roomId: RoomId,
    fromEventIds: readonly EventId[],
    limit: number,
    options?: AbortOptions,
  ): Promise<void> => {
    const parts = { ...this.#parts, fetcher: this.#fetcher }
    return fetchHistory(parts, roomId, fromEventIds, limit, { signal: this.#signal(options) })
  }

  /** A room is shown as soon as it is entered; its newest messages come at once, what is older when somebody looks. */
  async #fetchNewest(roomId: RoomId): Promise<void> {
    const from = await this.#parts.engine.backwardExtremities(roomId)
    if (from.length > 0) await this.fetchHistory(roomId, from, limits.eventsAfterJoin)
  }

  #answerParts(carrier: EventCarrier): AnswerParts {
    const { engine, keys, users, views, edus, clock, versions, directory, invitePolicy } = this.#parts
    return {
      ...{ engine, keys, carrier, users, views, edus, clock, versions, directory, invitePolicy },
      gate: this.#parts.gate ?? new MembershipGate(engine),
      count: this.#parts.count ?? (() => undefined),
      inviteQuota: new HourlyQuota(clock, limits.invitesPerHour),
      strangersInviteQuota: new HourlyQuota(clock, limits.strangersInvitesPerHour),
      crypto: this.#parts.crypto,
      manifests: new RoomManifests(engine),
      removalQuota: new HourlyQuota(clock, limits.removalsToldPerHour),
      manifestQuota: new HourlyQuota(clock, limits.manifestsPerHour),
      stateEventQuota: new HourlyQuota(clock, limits.stateEventsPerHour),
      served: new PeerRations(clock, limits.servedPerHour),
      keyClaimQuota: new HourlyQuota(clock, limits.keyClaimsPerHour),
      incoming: (json, roomId, from) => this.incoming(json, roomId, from),
      settle: (checked, from, options) => this.#catchUp.settle(checked, from, { ...options, signal: this.#signal() }),
      heardOfDifference: (server) =>
        this.#reconciler.askBack(server, (error) => this.#failed(error, 'asking back failed')),
    }
  }

  async #beat(servers: readonly ServerName[]): Promise<void> {
    const signal = this.#signal()
    await this.#tellOfLeaves(signal).catch((error: unknown) => this.#failed(error, 'telling of leaves failed'))
    for (const server of servers) {
      if (signal.aborted) return
      await this.reconcile(server).catch((error: unknown) => this.#failed(error, 'a heartbeat comparison failed'))
    }
    await this.#catchUp.retryParked({ signal }).catch((error: unknown) => this.#failed(error, 'parked events failed'))
    await this.#merger.beat().catch((error: unknown) => this.#failed(error, 'merging extremities failed'))
  }

  /** The machine slept: whoever is still connected has news, and nobody will say so of themselves. */
  #wake(sleptMs: number): void {
    this.#logger.info({ sleptMs }, 'the machine has slept; comparing with everybody now')
    this.#inBackground(this.#heartbeat.beatNow(), 'catching up after a sleep failed')
  }

  /** Servers that a rejected invite waits for share no room with us, so nothing else makes us talk to them. */
  async #tellOfLeaves(signal: AbortSignal): Promise<void> {
    for (const server of await this.#membership.pendingLeaves.servers()) {
      if (this.#parts.keys.peersOf(server).length > 0) await this.tellPendingLeaves(server, { signal })
    }
  }

  #inBackground(work: Promise<unknown>, failure: string): void {
    work.catch((error: unknown) => this.#failed(error, failure))
  }

  #failed(error: unknown, message: string): void {
    if (!this.#stopping.signal.aborted) this.#logger.warn({ error }, message)
  }

  #signal(options?: AbortOptions): AbortSignal {
    return options?.signal ? AbortSignal.any([options.signal, this.#stopping.signal]) : this.#stopping.signal
  }
}
