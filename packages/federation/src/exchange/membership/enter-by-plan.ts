import type { AbortOptions, EventId, JsonObject, RoomId, ServerName } from '@starling/protocol'
import { roomVersionRules } from '@starling/protocol'
import { breathe } from '../../breathe.ts'
import type { CheckedPdu, RoomEngine, StagedRoom, Verdict } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { type CrossCheckParts, crossCheck, isOutvoted } from './cross-check.ts'
import { FetchFailedError, type FetchParts, StateEventFetch } from './fetch-state-events.ts'
import type { JoinPlan } from './join-plan.ts'
import type { JoinRows } from './join-rows.ts'
import type { JoinReport } from './joins-under-way.ts'

export interface EntryParts extends Omit<FetchParts, 'keys'>, CrossCheckParts {
  readonly engine: RoomEngine
  readonly rows: JoinRows
  readonly clock: { now(): number }
}

export type Entry =
  | { readonly kind: 'entered'; readonly eventId: EventId }
  /** What the plan says does not stand up, or too many say otherwise; these may be asked instead. */
  | { readonly kind: 'refused'; readonly reason: string; readonly dissenters: readonly ServerName[] }
  /** Nothing wrong was found; no server gives the rest now. What is staged is kept. */
  | { readonly kind: 'unreachable'; readonly reason: string }

/** Where an attempt begins. */
export interface Beginning {
  /** What came beside the manifest. */
  readonly events: readonly JsonObject[]
  /** Resolves once the row that leads to this join is on the disk. */
  readonly noted: Promise<void>
}

/** Events looked for in the store at a time, when a join goes on after a restart. */
const BATCH = 250

/**
 * Enters a room by a plan: fetches what it names, from every server that helps, checks each event, judges it and keeps it;
 * then makes the room joined. The row that leads to all this stays until the caller removes it. Stopping (the signal) leaves
 * everything as it is, for the next start.
 *
 * @throws the reason of the signal
 */
export async function enterByPlan(
  parts: EntryParts,
  plan: JoinPlan,
  beginning: Beginning,
  report: JoinReport,
  options?: AbortOptions,
): Promise<Entry> {
  const inChain = new Set(plan.authChain)
  const ids = [...plan.authChain, ...plan.state.filter((id) => !inChain.has(id))]
  report({ stage: 'fetching', total: ids.length, resident: plan.resident })
  const servers = [...new Set([plan.resident, ...parts.requests.byReach(plan.servers)])]
  const others = servers.filter((server) => server !== parts.keys.serverName).slice(0, limits.serversPerJoin)
  const claim = { ...plan, eventId: plan.event.pdu.eventId, servers: others }
  const checking = crossCheck(parts, claim, options)
  // Waited for below; a failure in between must not count as unhandled.
  checking.catch(() => undefined)
  const fault = await stageAll(parts, plan, ids, beginning, others, report, options)
  if (fault) return fault
  const checked = await checking
  options?.signal?.throwIfAborted()
  if (checked.differ.length > 0) parts.count('join_state_disputed', isOutvoted(checked) ? 'outvoted' : 'kept')
  if (isOutvoted(checked)) {
    return {
      kind: 'refused',
      reason: 'other members hold another state',
      dissenters: checked.differ.map(([one]) => one),
    }
  }
  report({ stage: 'entering', events: ids.length })
  const verdict = await parts.engine.importStaged(plan)
  if (verdict.kind === 'accepted') return { kind: 'entered', eventId: verdict.eventId }
  return refused('reason' in verdict ? verdict.reason : `the join was ${verdict.kind}`)
}

/** Undefined once everything is staged. */
async function stageAll(
  parts: EntryParts,
  plan: JoinPlan,
  ids: readonly EventId[],
  { events: first, noted }: Beginning,
  servers: readonly ServerName[],
  report: JoinReport,
  options?: AbortOptions,
): Promise<Entry | undefined> {
  const rules = roomVersionRules(plan.roomVersion)
  if (!rules) return refused('a room version that is not known here')
  const staging = new Staging(parts.engine, plan, noted)
  const given = await takeFirst(parts, plan, first)
  if (!given) return refused('an event beside the manifest failed its checks')
  const here = await alreadyHere(parts.engine, plan.roomId, ids)
  const early = ids.flatMap((id) => (here.has(id) ? [] : (given.get(id) ?? [])))
  const missing = ids.filter((id) => !here.has(id) && !given.has(id))
  const target = { roomId: plan.roomId, roomVersion: plan.roomVersion, rules }
  const fetch = new StateEventFetch(parts, target, missing, servers, options)
  let done = ids.length - missing.length
  try {
    // Asked for while what came first is judged, and the row that leads to it becomes durable.
    fetch.begin()
    await staging.add(early)
    report({ events: done })
    for await (const events of fetch.pages()) {
      await staging.add(events)
      done += events.length
      report({ events: done })
    }
    await staging.end()
  } catch (error) {
    await staging.end().catch(() => undefined)
    if (error instanceof StagingError) return refused(error.message)
    if (!(error instanceof FetchFailedError)) throw error
    const isLie = fetch.liars.has(plan.resident)
    return isLie ? refused(`${plan.resident} gave forged events`) : { kind: 'unreachable', reason: error.message }
  } finally {
    fetch.stop()
  }
  return undefined
}

/** Checks what came beside the manifest; undefined where one of it is bad. */
async function takeFirst(
  parts: EntryParts,
  plan: JoinPlan,
  first: readonly JsonObject[],
): Promise<ReadonlyMap<EventId, CheckedPdu> | undefined> {
  const taken = new Map<EventId, CheckedPdu>()
  for (const result of await parts.carrier.unpackAll(first, plan.roomVersion, plan.resident)) {
    if (!result.ok || result.checked.pdu.roomId !== plan.roomId) return undefined
    taken.set(result.checked.pdu.eventId, result.checked)
  }
  return taken
}

/** Events that an earlier attempt, or an earlier stay in the room, left here. */
async function alreadyHere(engine: RoomEngine, roomId: RoomId, ids: readonly EventId[]): Promise<ReadonlySet<EventId>> {
  const here = new Set<EventId>()
  // Of a room that has no number yet nothing is stored.
  if ((await engine.roomVersion(roomId)) === undefined) return here
  for (let start = 0; start < ids.length; start += BATCH) {
    if (start > 0) await breathe()
    for (const id of (await engine.events(ids.slice(start, start + BATCH))).keys()) here.add(id)
  }
  return here
}

class StagingError extends Error {
  override readonly name = 'StagingError'
  readonly code = 'staging-failed'
}

/** Judges one batch while the one before becomes durable. */
class Staging {
  readonly #engine: RoomEngine
  readonly #room: StagedRoom
  readonly #noted: Promise<void>
  #before: Promise<readonly Verdict[]> = Promise.resolve([])

  constructor(engine: RoomEngine, { roomId, roomVersion, createId }: StagedRoom, noted: Promise<void>) {
    this.#engine = engine
    this.#noted = noted
    this.#room = { roomId, roomVersion, createId }
  }

  async add(events: readonly CheckedPdu[]): Promise<void> {
    if (events.length === 0) return
    await this.#noted
    const before = this.#before
    this.#before = this.#engine.stageEvents(this.#room, events)
    this.#before.catch(() => undefined)
    requireStaged(await before)
  }

  async end(): Promise<void> {
    requireStaged(await this.#before)
  }
}

/** What the auth rules reject is kept as such and does not enter the state; what cannot be judged is the manifest's fault. */
function requireStaged(verdicts: readonly Verdict[]): void {
  for (const verdict of verdicts) {
    if (verdict.kind === 'waiting') throw new StagingError('an auth event is missing from the manifest')
    if (verdict.kind === 'refused') throw new StagingError(verdict.reason)
  }
}

function refused(reason: string): Entry {
  return { kind: 'refused', reason, dissenters: [] }
}
