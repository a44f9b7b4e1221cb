import type { Ed25519, EventId } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { ResolveStates } from '../state/resolve-states.ts'
import { resolveTips } from '../state/resolve-tips.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { Judge, laidBare } from './laid-bare.ts'

/** Peelings until the states that were seen decide together. */
const MAX_ROUNDS = 8

interface SettleParts {
  readonly resolve: ResolveStates
  readonly ed25519: Ed25519
}

export interface Settled {
  /** Forward extremities, in no order. Never empty. */
  readonly live: ReadonlySet<EventId>
  /** The resolution of the states after them: the current state. */
  readonly state: RoomState
}

/**
 * The forward extremities of a room, as a function of the leaves of its DAG (and so of its set of events, whatever order they
 * came in). A state peels the DAG: leaves that it refuses are taken off, and with them what then has nothing left on it and is
 * refused too, until what stands at the rim is allowed. The extremities are the rim that is left by the state which they make
 * themselves, found from all leaves on: resolve, peel by the outcome, resolve what is left, peel the whole DAG anew by
 * that, until nothing changes. Leaves that refuse each other in turn are refused by all the states of the circle together.
 */
export async function settleExtremities(
  leaves: readonly EventId[],
  transaction: RoomTransaction,
  parts: SettleParts,
): Promise<Settled> {
  const seen: Settled[] = []
  const judge = new Judge(transaction, parts.ed25519)
  for (let live: ReadonlySet<EventId> = new Set(leaves); ; ) {
    const state = await stateAfter(live, transaction, parts.resolve)
    seen.push({ live, state })
    const next = await peel(leaves, [state], transaction, judge)
    if (isSame(next, live)) return { live, state }
    const before = seen.findIndex((one) => isSame(one.live, next))
    if (before !== -1 || seen.length === MAX_ROUNDS) {
      const circle = seen.slice(Math.max(before, 0)).map((one) => one.state)
      const agreed = await peel(leaves, circle, transaction, judge)
      return { live: agreed, state: await stateAfter(agreed, transaction, parts.resolve) }
    }
    live = next
  }
}

/** What is left at the rim of the DAG by these states. All leaves, where nothing would be left. */
async function peel(
  leaves: readonly EventId[],
  states: readonly RoomState[],
  transaction: RoomTransaction,
  judge: Judge,
): Promise<ReadonlySet<EventId>> {
  const live = new Set<EventId>()
  const refused = new Map<EventId, StoredEvent>()
  for (const [eventId, event] of await transaction.events(leaves)) {
    if (await judge.isAllowed(event, states)) live.add(eventId)
    else refused.set(eventId, event)
  }
  if (refused.size > 0) for (const eventId of await laidBare(refused, states, transaction, judge)) live.add(eventId)
  return live.size > 0 ? live : new Set(leaves)
}

async function stateAfter(
  live: ReadonlySet<EventId>,
  transaction: RoomTransaction,
  resolve: ResolveStates,
): Promise<RoomState> {
  const events = await transaction.events(live)
  const tips = [...events].flatMap(([eventId, { after }]) => (after === undefined ? [] : [{ eventId, after }]))
  return resolveTips(tips, transaction, resolve)
}

function isSame(a: ReadonlySet<EventId>, b: ReadonlySet<EventId>): boolean {
  return a.size === b.size && a.isSubsetOf(b)
}
