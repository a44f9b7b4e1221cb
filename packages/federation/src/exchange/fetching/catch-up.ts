import type { AbortOptions, EventId, RoomId, ServerName, Sha256 } from '@starling/protocol'
import { serverOf } from '@starling/protocol'
import type { CheckedPdu, KeyRing, RoomEngine, ServerRequests, Verdict } from '../../contracts.ts'
import { type Pulled, type PullParts, pullRoom } from '../anti-entropy/pull-room.ts'
import { inOrderOf } from '../dag-order.ts'
import { EventBudget } from '../event-budget.ts'
import { limits } from '../limits.ts'
import type { Count, Timers } from '../ports.ts'
import { KeyedLock } from '../wire/keyed-lock.ts'
import { bridgeGap } from './bridge-gap.ts'
import type { EventFetcher } from './fetch-events.ts'
import { type ParkedEvent, ParkedEvents } from './parked-events.ts'
import { receiveWithAuth } from './take-events.ts'

interface CatchUpParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly requests: ServerRequests
  readonly fetcher: EventFetcher
  readonly clock: { now(): number }
  readonly count: Count
  softFail(checked: CheckedPdu): Promise<string | undefined>
  /** See `RoomCompletion`. */
  mayBridge(roomId: RoomId): boolean
  /** What other members hold for the state before an event: see `crossCheck`. */
  readonly timers: Timers
  readonly sha256: Sha256
  /** Nobody gave more than the redacted form. */
  incomplete(roomId: RoomId, eventId: EventId, server: ServerName): Promise<void>
}

export interface SettleOptions extends AbortOptions {
  readonly publish?: boolean
}

/**
 * Takes events in and gets what they wait for. At most one fetch per room is under way: what many events of a burst
 * miss is mostly the same, and after the first fetch most of them find it here. Those who wait for it are bounded; who
 * finds no place in that line is parked.
 */
export class CatchUp {
  readonly parked: ParkedEvents
  readonly #parts: CatchUpParts
  readonly #lock = new KeyedLock()
  readonly #underWay = new Map<EventId, { readonly checked: CheckedPdu; readonly outcome: Promise<Verdict> }>()
  /** By the events' own servers: whose events keep leading nowhere does not keep everybody busy. */
  readonly #vain: EventBudget

  constructor(parts: CatchUpParts) {
    this.#parts = parts
    this.parked = new ParkedEvents(parts.count)
    this.#vain = new EventBudget(parts.clock, limits.vainFetchesPerMinute)
  }

  /** Receives a checked event; the same event from several carriers is dealt with once. */
  settle(checked: CheckedPdu, carrier: ServerName, options?: SettleOptions): Promise<Verdict> {
    const { eventId } = checked.pdu
    const before = this.#underWay.get(eventId)
    if (before && (checked.redacted || !before.checked.redacted)) return before.outcome
    const settle = () => this.#settle({ checked, carrier, publish: options?.publish ?? false }, 0, options)
    const outcome = before ? before.outcome.then(settle, settle) : settle()
    const entry = { checked, outcome }
    this.#underWay.set(eventId, entry)
    const done = () => void (this.#underWay.get(eventId) === entry && this.#underWay.delete(eventId))
    outcome.then(done, done)
    return outcome
  }

  /**
   * An event that was pushed with content that does not match its hash: its author's server or another member may have it
   * whole. What comes is the better form of the two.
   */
  async wholeForm(checked: CheckedPdu, carrier: ServerName, options?: AbortOptions): Promise<CheckedPdu> {
    const { engine, fetcher } = this.#parts
    const { eventId, roomId, sender } = checked.pdu
    const stored = (await engine.events([eventId])).get(eventId)
    if (!checked.redacted || (stored && !stored.incomplete) || this.#vain.grant(carrier, 1) < 1) return checked
    this.#vain.spend(carrier, 1)
    const room = { roomId, roomVersion: checked.roomVersion }
    const author = serverOf(sender)
    const others = (await this.#sources(roomId, author)).filter((server) => server !== carrier)
    for (const server of others.slice(0, limits.wholeFormAsked)) {
      const event = await fetcher.event(server, room, eventId, options)
      if (event && !event.redacted) return event
    }
    await this.#parts.incomplete(roomId, eventId, carrier)
    return checked
  }

  /** Pulls all that the server has more of the room. */
  pull(server: ServerName, roomId: RoomId, options?: AbortOptions): Promise<Pulled> {
    return this.#lock.run(roomId, () => pullRoom(this.#pullParts, server, roomId, options))
  }

  /** Tries again what is parked; what has been tried too often is dropped. */
  async retryParked(options?: AbortOptions): Promise<void> {
    for (const event of this.parked.takeAll()) {
      options?.signal?.throwIfAborted()
      await this.#settle(event, event.attempts, options)
    }
  }

  async #settle(
    event: Pick<ParkedEvent, 'checked' | 'carrier' | 'publish'>,
    attempts: number,
    options?: AbortOptions,
  ): Promise<Verdict> {
    const { checked, publish } = event
    const verdict = await this.#receive(checked, publish)
    if (verdict.kind !== 'waiting') return verdict
    if (this.#lock.count(checked.pdu.roomId) > limits.waitingForFetch) {
      // What is being fetched may bring its parents, and takes it along then; else the heartbeat tries again.
      this.parked.park({ ...event, missing: [...verdict.missingPrev, ...verdict.missingAuth], attempts })
      return verdict
    }
    return this.#lock.run(checked.pdu.roomId, async () => {
      const server = serverOf(checked.pdu.sender)
      const mayFetch = this.#vain.grant(server, 1) > 0
      const outcome = await (mayFetch ? this.#fetchFor(event, attempts, options) : this.#receive(checked, publish))
      if (outcome.kind === 'waiting') {
        if (mayFetch) this.#vain.spend(server, 1)
        const missing = [...outcome.missingPrev, ...outcome.missingAuth]
        this.parked.park({ ...event, missing, attempts: attempts + 1 })
      }
      return outcome
    })
  }

  /** Receives, then what was parked for it, level by level. */
  async #receive(checked: CheckedPdu, publish: boolean): Promise<Verdict> {
    const { engine, softFail } = this.#parts
    const verdict = await engine.receive(checked, { publish, softFail: await softFail(checked) })
    if (verdict.kind !== 'accepted' && verdict.kind !== 'soft-failed' && verdict.kind !== 'rejected') return verdict
    const open = this.parked.takeChildrenOf(verdict.eventId)
    for (let child = open.shift(); child; child = open.shift()) {
      const options = { publish: child.publish, softFail: await softFail(child.checked) }
      const outcome = await engine.receive(child.checked, options)
      if (outcome.kind === 'waiting') {
        this.parked.park({ ...child, missing: [...outcome.missingPrev, ...outcome.missingAuth] })
      } else open.push(...this.parked.takeChildrenOf(outcome.eventId))
    }
    return verdict
  }

  get #pullParts(): PullParts {
    return { ...this.#parts, receive: (checked, publish) => this.#receive(checked, publish) }
  }

  async #fetchFor(
    { checked, carrier, publish }: Pick<ParkedEvent, 'checked' | 'carrier' | 'publish'>,
    attempts: number,
    options?: AbortOptions,
  ): Promise<Verdict> {
    // While this waited for its turn, the fetch before it may have brought the parents.
    let verdict = await this.#receive(checked, publish)
    const end = this.#parts.clock.now() + limits.fetchPatience
    const { roomId } = checked.pdu
    const sources = await this.#sources(roomId, carrier)
    for (const server of sources) {
      if (verdict.kind !== 'waiting' || this.#parts.clock.now() > end) break
      verdict = await this.#fetchFrom(server, checked, publish, options)
    }
    // Another's word for the state is the last thing that counts: parents that nobody gives now may come later.
    const isLastAttempt = attempts + 1 >= limits.parkedAttempts
    if (verdict.kind !== 'waiting' || !(isLastAttempt || this.#parts.mayBridge(roomId))) return verdict
    for (const server of sources) {
      if (verdict.kind !== 'waiting' || this.#parts.clock.now() > end) break
      verdict = (await bridgeGap(this.#parts, server, checked, options)) ?? verdict
    }
    return verdict
  }

  /** The carrier first, who has the event and so its parents; then members, nearest first. */
  async #sources(roomId: RoomId, carrier: ServerName): Promise<readonly ServerName[]> {
    const { engine, keys, requests } = this.#parts
    const joined = await engine.joinedServers(roomId)
    const others = [...joined].filter((server) => server !== carrier && server !== keys.serverName)
    const first = joined.has(carrier) && carrier !== keys.serverName ? [carrier] : []
    return [...first, ...requests.byReach(others)].slice(0, limits.serversPerFetch)
  }

  async #fetchFrom(
    server: ServerName,
    checked: CheckedPdu,
    publish: boolean,
    options?: AbortOptions,
  ): Promise<Verdict> {
    const parts = this.#pullParts
    const again = () => receiveWithAuth(parts, server, checked, { ...options, publish })
    let verdict = await again()
    if (verdict.kind !== 'waiting') return verdict
    await this.#fillGap(server, checked, options)
    verdict = await again()
    if (verdict.kind !== 'waiting') return verdict
    const { taken } = await pullRoom(parts, server, checked.pdu.roomId, options)
    return taken > 0 ? again() : verdict
  }

  /** `get_missing_events`, going back until what was got connects or the rounds are used up. */
  async #fillGap(server: ServerName, checked: CheckedPdu, options?: AbortOptions): Promise<void> {
    const { engine, fetcher } = this.#parts
    const { roomId } = checked.pdu
    const room = { roomId, roomVersion: checked.roomVersion }
    const earliest = await engine.forwardExtremities(roomId)
    const held = new Map<EventId, CheckedPdu>()
    let latest: readonly CheckedPdu[] = [checked]
    for (let round = 0; round < limits.missingRounds && latest.length > 0; round++) {
      const range = { latest: latest.map((one) => one.pdu.eventId), earliest, limit: limits.eventsPerAnswer }
      const got = await fetcher.missingEvents(server, room, range, options)
      const fresh = ancestorsAmong(got, latest).filter((one) => !held.has(one.pdu.eventId))
      if (fresh.length === 0) break
      for (const one of fresh) held.set(one.pdu.eventId, one)
      latest = await this.#unconnected(fresh, held)
    }
    for (const one of inOrderOf([...held.values()], 'prevEvents')) {
      await receiveWithAuth(this.#pullParts, server, one, options)
    }
  }

  /** Those whose parents are neither here nor among what was got. */
  async #unconnected(
    events: readonly CheckedPdu[],
    held: ReadonlyMap<EventId, CheckedPdu>,
  ): Promise<readonly CheckedPdu[]> {
    const parents = new Set(events.flatMap(({ pdu }) => pdu.prevEvents).filter((id) => !held.has(id)))
    const here = await this.#parts.engine.inDag([...parents])
    return events.filter(({ pdu }) => pdu.prevEvents.some((id) => parents.has(id) && !here.has(id)))
  }
}

/** Of what a server answered, only what the events asked about lead to: nothing else was asked for. */
function ancestorsAmong(got: readonly CheckedPdu[], latest: readonly CheckedPdu[]): CheckedPdu[] {
  const byId = new Map(got.map((one) => [one.pdu.eventId, one]))
  const found = new Map<EventId, CheckedPdu>()
  const open = latest.flatMap(({ pdu }) => pdu.prevEvents)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const event = byId.get(id)
    if (!event || found.has(id)) continue
    found.set(id, event)
    open.push(...event.pdu.prevEvents)
  }
  return [...found.values()]
}
