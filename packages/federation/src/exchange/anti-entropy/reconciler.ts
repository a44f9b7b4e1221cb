import type { AbortOptions, EventId, JsonObject, RoomId, ServerName } from '@starling/protocol'
import { ownValue, parseEventId } from '@starling/protocol'
import type { KeyRing, RoomEngine, ServerRequests } from '../../contracts.ts'
import type { CatchUp } from '../fetching/catch-up.ts'
import type { EventFetcher } from '../fetching/fetch-events.ts'
import { HourlyQuota } from '../hourly-quota.ts'
import { limits } from '../limits.ts'
import type { Count, Timers } from '../ports.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { asArray, asObject } from '../wire/read-json.ts'
import { ask } from '../wire/request-failure.ts'
import { takeOwnRemovals } from './own-removal.ts'
import { bucketOf, type RoomDigests } from './room-digests.ts'
import { VainQuestions } from './vain-questions.ts'

const URI = '/_starling/federation/v1/extremities'

interface ReconcilerParts {
  readonly engine: RoomEngine
  readonly keys: Pick<KeyRing, 'serverName'>
  readonly carrier: EventCarrier
  readonly requests: ServerRequests
  readonly digests: RoomDigests
  readonly catchUp: CatchUp
  readonly fetcher: EventFetcher
  readonly timers: Timers
  readonly clock: { now(): number }
  readonly count: Count
}

type ReconcileOptions = AbortOptions & { readonly reply?: boolean }

/**
 * Anti-entropy (DESIGN section 4): compares the leaves of the shared rooms' DAGs with another server and pulls what is missing here. The other side sees from the comparison that we differ, and does the same to us.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts
  readonly #underWay = new Map<ServerName, Promise<void>>()
  readonly #askBacks = new Map<ServerName, () => void>()
  readonly #lastMet = new Map<ServerName, number>()
  readonly #vain = new VainQuestions()
  readonly #askBackQuota: HourlyQuota
  readonly #removalQuota: HourlyQuota
  #stopped = false

  constructor(parts: ReconcilerParts) {
    this.#parts = parts
    this.#askBackQuota = new HourlyQuota(parts.clock, limits.askBacksPerHour)
    this.#removalQuota = new HourlyQuota(parts.clock, limits.removalsHeardPerHour)
  }

  /** One comparison with a server is under way at a time; who asks for another meanwhile waits for that one. */
  reconcile(server: ServerName, options?: ReconcileOptions): Promise<void> {
    const before = this.#underWay.get(server)
    if (before !== undefined) return before
    const done = this.#reconcile(server, options).finally(() => this.#underWay.delete(server))
    this.#underWay.set(server, done)
    return done
  }

  /** Milliseconds since the Unix epoch of the last comparison with the server; undefined if there was none. */
  lastMet(server: ServerName): number | undefined {
    return this.#lastMet.get(server)
  }

  /** The server has just compared with us and differs: it is asked back once its own pull has had a moment. */
  askBack(server: ServerName, failed: (error: unknown) => void): void {
    if (this.#stopped || this.#askBacks.has(server) || this.#askBackQuota.take(server) > 0) return
    const cancel = this.#parts.timers.after(limits.askBackDelay, () => {
      this.#askBacks.delete(server)
      this.reconcile(server, { reply: true }).catch(failed)
    })
    this.#askBacks.set(server, cancel)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const cancel of this.#askBacks.values()) cancel()
    this.#askBacks.clear()
    await Promise.allSettled(this.#underWay.values())
  }

  async #reconcile(server: ServerName, options?: ReconcileOptions): Promise<void> {
    this.#remember(server)
    const rooms = await this.#differingGroups(server, await this.#parts.digests.shared(server), options)
    for (let start = 0; start < rooms.length; start += limits.roomsPerDigest) {
      const batch = new Map(rooms.slice(start, start + limits.roomsPerDigest))
      const answer = await this.#compare(server, batch, options)
      const differ = asObject(answer?.differ)
      if (!differ) return
      const refused = asObject(answer?.refused) ?? {}
      await this.#hearOfRemovals(server, batch, asObject(answer?.removed) ?? {}, options)
      for (const [hash, roomId] of batch) {
        if (this.#stopped || options?.signal?.aborted) return
        const live = readIds(ownValue(differ, hash), limits.extremitiesPerRoom)
        // Removed meanwhile, it has nothing to say any more.
        if (!live || !this.#parts.engine.isServerJoined(roomId, server)) continue
        const dead = readIds(ownValue(refused, hash), limits.refusedLeavesPerRoom) ?? []
        if (!this.#vain.sitsOut(server, roomId)) await this.#catchUpWith(server, roomId, { live, dead }, options)
      }
    }
  }

  /** What the server says of rooms that it takes this one for no member of. */
  async #hearOfRemovals(
    server: ServerName,
    batch: ReadonlyMap<string, RoomId>,
    removed: JsonObject,
    options?: AbortOptions,
  ): Promise<void> {
    for (const [hash, roomId] of batch) {
      const told = ownValue(removed, hash)
      if (told === undefined || this.#stopped || options?.signal?.aborted) continue
      if (!this.#parts.engine.isServerJoined(roomId, server) || this.#removalQuota.take(server) > 0) continue
      await takeOwnRemovals(this.#parts, server, roomId, told, options)
    }
  }

  /** Where many rooms are shared, those of the groups that differ; all where the server knows no groups. */
  async #differingGroups(
    server: ServerName,
    rooms: ReadonlyMap<string, RoomId>,
    options?: ReconcileOptions,
  ): Promise<readonly (readonly [string, RoomId])[]> {
    if (rooms.size <= limits.roomsWithoutBuckets) return [...rooms]
    const buckets = Object.fromEntries(await this.#parts.digests.buckets(rooms))
    const answer = await this.#ask(server, { buckets, ...(options?.reply ? { reply: true } : {}) }, options)
    const differ = asArray(answer?.differ_buckets)
    if (!differ) return answer ? [...rooms] : []
    return [...rooms].filter(([hash]) => differ.includes(bucketOf(hash)))
  }

  async #compare(
    server: ServerName,
    rooms: ReadonlyMap<string, RoomId>,
    options?: ReconcileOptions,
  ): Promise<JsonObject | undefined> {
    const digests: Record<string, string> = {}
    for (const [hash, roomId] of rooms) digests[hash] = await this.#parts.digests.digest(roomId)
    const body = { rooms: digests, ...(options?.reply ? { reply: true } : {}) }
    return this.#ask(server, body, options)
  }

  async #ask(server: ServerName, body: JsonObject, options?: AbortOptions): Promise<JsonObject | undefined> {
    const answer = await ask(
      this.#parts.requests.request(server, 'POST', URI, body, {
        ...(options?.signal ? { signal: options.signal } : {}),
        timeoutMs: limits.fetchTimeout,
        maxResponseBytes: limits.bytesPerEventsAnswer,
      }),
    )
    if (answer.ok) return answer.value
    this.#parts.count('reconcile_failed', answer.error.errcode ?? answer.error.code)
    return undefined
  }

  async #catchUpWith(server: ServerName, roomId: RoomId, theirs: Leaves, options?: AbortOptions): Promise<void> {
    const live = this.#vain.worthAsking(server, theirs.live)
    const wanted = [...live, ...this.#vain.worthAsking(server, theirs.dead)]
    const before = await this.#unknown(wanted)
    // A full list, none of it made up, may end before what is missing here: then only the pull can tell.
    const isCutOff = live.length === limits.extremitiesPerRoom
    if (before.length === 0 && !isCutOff) return
    const isBehind = isCutOff || before.some((id) => live.includes(id))
    const { taken } = isBehind ? await this.#parts.catchUp.pull(server, roomId, options) : { taken: 0 }
    await this.#askSingly(server, roomId, await this.#unknown(wanted), options)
    const missing = await this.#unknown(wanted)
    const nothingCame = taken === 0 && missing.length >= before.length
    if (!nothingCame) this.#vain.fruitful(server, roomId)
    this.#vain.vain(server, roomId, missing, { nothingCame })
  }

  /**
   * What a pull did not bring (it was cut short, or the server changed meanwhile), and leaves that the server's state refuses: no pull
   * names these, and each mostly stands on something that is here.
   */
  async #askSingly(server: ServerName, roomId: RoomId, ids: readonly EventId[], options?: AbortOptions): Promise<void> {
    const { engine, fetcher, catchUp } = this.#parts
    const roomVersion = await engine.roomVersion(roomId)
    if (roomVersion === undefined) return
    for (const eventId of ids.slice(0, limits.extremitiesAsked)) {
      if (catchUp.parked.has(eventId)) continue
      const event = await fetcher.event(server, { roomId, roomVersion }, eventId, options)
      if (event) await catchUp.settle(event, server, options)
    }
  }

  async #unknown(ids: readonly EventId[]): Promise<readonly EventId[]> {
    const here = await this.#parts.engine.inDag(ids)
    return ids.filter((id) => !here.has(id))
  }

  /** Bounded like the servers that rooms are shared with; the longest ago is dropped first. */
  #remember(server: ServerName): void {
    this.#lastMet.delete(server)
    this.#lastMet.set(server, this.#parts.clock.now())
    const [oldest] = this.#lastMet.keys()
    if (this.#lastMet.size > 4_096 && oldest) this.#lastMet.delete(oldest)
  }
}

/** What a server names of a room: forward extremities, and leaves that its state refuses. */
interface Leaves {
  readonly live: readonly EventId[]
  readonly dead: readonly EventId[]
}

function readIds(value: unknown, most: number): readonly EventId[] | undefined {
  const list = asArray(value)
  if (!list || list.length > most) return undefined
  return list.flatMap((id) => parseEventId(id) ?? [])
}
