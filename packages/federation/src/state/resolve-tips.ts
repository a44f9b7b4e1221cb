import type { EventId } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { StateId } from '../store/tables.ts'
import type { ResolveStates } from './resolve-states.ts'
import type { RoomState } from './state-store.ts'
import { childAt, FAN_OUT, hashOf } from './trie-node.ts'

/** As many states as an event may have parents are resolved at once. */
const MAX_AT_ONCE = 20
/** Parts of the hash that tell events apart, one for each level of groups. */
const MAX_DEPTH = 8

/** A forward extremity with the state after it. */
export interface Tip {
  readonly eventId: EventId
  readonly after: StateId
}

/**
 * The room's state with these forward extremities. Up to 20: the resolution of the states after them. Of more, which takes
 * somebody who makes them so, groups by the hash of the event id are resolved first, and then what came of those: a function of the
 * set alone, so the same on every server, of which an event that comes or goes changes one group on each level. What has
 * not changed is remembered, so the cost of one more event does not grow with the number of extremities.
 */
export async function resolveTips(
  tips: readonly Tip[],
  transaction: RoomTransaction,
  resolve: ResolveStates,
  depth = 0,
): Promise<RoomState> {
  const states = new Set(tips.map(({ after }) => after))
  if (states.size <= MAX_AT_ONCE || depth === MAX_DEPTH) {
    return resolve(transaction, await Promise.all([...states].map((id) => transaction.state(id))))
  }
  const groups = Array.from({ length: FAN_OUT }, (): Tip[] => [])
  for (const tip of tips) groups[childAt(hashOf(tip.eventId), depth)]?.push(tip)
  const resolved: RoomState[] = []
  for (const group of groups) {
    if (group.length > 0) resolved.push(await resolveTips(group, transaction, resolve, depth + 1))
  }
  return resolve(transaction, resolved)
}
