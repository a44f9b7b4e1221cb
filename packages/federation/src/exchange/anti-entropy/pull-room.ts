import type { AbortOptions, RoomId, ServerName } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../../contracts.ts'
import { type BridgeParts, bridgeGap } from '../fetching/bridge-gap.ts'
import type { FetchRoom } from '../fetching/fetch-events.ts'
import { receiveWithAuth } from '../fetching/take-events.ts'
import { limits } from '../limits.ts'
import { asInteger, asString } from '../wire/read-json.ts'
import { haveSample } from './have-sample.ts'

export interface PullParts extends BridgeParts {
  readonly clock: { now(): number }
  receive(checked: CheckedPdu, publish: boolean): Promise<Verdict>
  /** See `RoomCompletion`. */
  mayBridge(roomId: RoomId): boolean
}

export interface Pulled {
  /** Events that are new here. */
  readonly taken: number
  /** False where the server does not know the operation or stopped answering. */
  readonly answered: boolean
}

/** What counts as having come on: the event has its place, whatever that is. */
const LANDED: ReadonlySet<Verdict['kind']> = new Set(['accepted', 'soft-failed', 'rejected'])

/**
 * Pulls what a server has of a room and this one lacks, oldest first, in steps of one answer. Goes on as long as each
 * step brings something new, and stops at the first that does not: fake events lead nowhere (bad input 53). Who answers slowly
 * gets `pullPatience`; the next heartbeat goes on from there.
 */
export async function pullRoom(
  parts: PullParts,
  server: ServerName,
  roomId: RoomId,
  options?: AbortOptions,
): Promise<Pulled> {
  const roomVersion = await parts.engine.roomVersion(roomId)
  if (roomVersion === undefined) return { taken: 0, answered: false }
  const room: FetchRoom = { roomId, roomVersion }
  const uri = `/_starling/federation/v1/events_since/${encodeURIComponent(roomId)}`
  const have = await haveSample(parts.engine, roomId)
  let taken = 0
  let where: { readonly plan?: string; readonly from?: number } = {}
  const end = parts.clock.now() + limits.pullPatience
  for (let step = 0; step < limits.stepsPerPull && parts.clock.now() <= end; step++) {
    options?.signal?.throwIfAborted()
    const got = await parts.fetcher.events(server, room, uri, { have, ...where }, options)
    if (!got) return { taken, answered: false }
    const mayBridge = got.answer.cut === true || parts.mayBridge(roomId)
    const fresh = await takeStep(parts, server, got.events, mayBridge, options)
    taken += fresh
    const plan = asString(got.answer.plan)
    const from = asInteger(got.answer.next, 1)
    if (plan === undefined || from === undefined || fresh === 0) break
    where = { plan, from }
  }
  return { taken, answered: true }
}

async function takeStep(
  parts: PullParts,
  server: ServerName,
  events: readonly CheckedPdu[],
  mayBridge: boolean,
  options?: AbortOptions,
): Promise<number> {
  let fresh = 0
  let bridged = !mayBridge
  for (const checked of events) {
    let verdict = await receiveWithAuth(parts, server, checked, options)
    if (verdict.kind === 'waiting' && !bridged) {
      // The gap is longer than the plan, or older events are gone everywhere. One bridge carries the rest of the step.
      bridged = true
      verdict = (await bridgeGap(parts, server, checked, options)) ?? verdict
    }
    if (LANDED.has(verdict.kind)) fresh++
  }
  return fresh
}
