import type { Ed25519, EventId } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { LruMap } from '../store/lru-map.ts'
import { tables } from '../store/tables.ts'
import { graphParents } from './graph-parents.ts'
import { checkByCurrentState } from './step-6-current-state.ts'

/** Events judged in one peeling. What lies deeper under refused events is no extremity. */
const MAX_PEELED = 1_000
/** Verdicts and peelings remembered for a state, as long as it is in memory; the least recently used go first. */
const VERDICTS_PER_STATE = 1_000
const PEELINGS_PER_STATE = 20

const verdictsOf = new WeakMap<RoomState, LruMap<string, boolean>>()
const peelingsOf = new WeakMap<RoomState, LruMap<string, readonly EventId[]>>()

/** Judges events by states and remembers what it said: of messages by sender and type, since nothing else of them is asked for. */
export class Judge {
  readonly #transaction: RoomTransaction
  readonly #ed25519: Ed25519

  constructor(transaction: RoomTransaction, ed25519: Ed25519) {
    this.#transaction = transaction
    this.#ed25519 = ed25519
  }

  /** By every one of these states. */
  async isAllowed(event: StoredEvent, states: readonly RoomState[]): Promise<boolean> {
    for (const state of states) if (!(await this.#isAllowedBy(event, state))) return false
    return true
  }

  async #isAllowedBy(event: StoredEvent, state: RoomState): Promise<boolean> {
    const { type, sender, eventId, stateKey, redacts } = event.pdu
    const isPlain = stateKey === undefined && redacts === undefined && !event.barred
    // What it replaced is asked for where the state holds the event itself, and may be known better later (`rejudge-room.ts`).
    const key = isPlain ? `${sender} ${type}` : `${eventId} ${event.replaces ?? ''}`
    const verdicts = memoryOf(verdictsOf, state, VERDICTS_PER_STATE)
    const known = verdicts.get(key)
    if (known !== undefined) return known
    const { allowed } = await checkByCurrentState(event, state, this.#transaction, this.#ed25519)
    verdicts.set(key, allowed)
    return allowed
  }
}

/**
 * What stands at the rim of the DAG once these leaves are off, which all of `states` are to allow: events on which nothing is left.
 * Remembered by state and leaves, so that a room with refused leaves does not peel for each event. A refused leaf that stands
 * on refused leaves alone lays bare what they did.
 */
export async function laidBare(
  refused: ReadonlyMap<EventId, StoredEvent>,
  states: readonly RoomState[],
  transaction: RoomTransaction,
  judge: Judge,
): Promise<readonly EventId[]> {
  const [state, ...others] = states
  if (!state || others.length > 0) return peelFrom(refused, states, transaction, judge)
  const { forks } = transaction.requireHead()
  const keyOf = (leaves: Iterable<EventId>) => `${forks} ${[...leaves].sort().join()}`
  const peelings = memoryOf(peelingsOf, state, PEELINGS_PER_STATE)
  const key = keyOf(refused.keys())
  const known = peelings.get(key) ?? peelings.get(keyOf(await standIns(refused, state, transaction, judge)))
  const found = known ?? (await peelFrom(refused, states, transaction, judge))
  peelings.set(key, found)
  return found
}

/** The refused leaves before the newest came to stand on some of them; the same ones where it stands on anything else. */
async function standIns(
  refused: ReadonlyMap<EventId, StoredEvent>,
  state: RoomState,
  transaction: RoomTransaction,
  judge: Judge,
): Promise<Iterable<EventId>> {
  const dead = new Set(transaction.requireHead().dead)
  const newest = [...refused].filter(([eventId]) => !dead.has(eventId))
  const [eventId, event] = newest[0] ?? []
  if (newest.length !== 1 || eventId === undefined || !event) return refused.keys()
  const parents = await graphParents(event.pdu, transaction)
  for (const [parentId, parent] of parents) {
    if (!dead.has(parentId) || (await judge.isAllowed(parent, [state]))) return refused.keys()
  }
  return new Set([...refused.keys(), ...parents.keys()]).difference(new Set([eventId]))
}

async function peelFrom(
  refused: ReadonlyMap<EventId, StoredEvent>,
  states: readonly RoomState[],
  transaction: RoomTransaction,
  judge: Judge,
): Promise<readonly EventId[]> {
  const bare: EventId[] = []
  const refusedChildren = new Map<EventId, number>()
  let open: readonly StoredEvent[] = [...refused.values()]
  for (let peeled = 0; open.length > 0 && peeled < MAX_PEELED; peeled += open.length) {
    const next: StoredEvent[] = []
    for (const event of open) {
      for (const exposed of await exposedBy(event, refusedChildren, transaction)) {
        if (await judge.isAllowed(exposed, states)) bare.push(exposed.pdu.eventId)
        else next.push(exposed)
      }
    }
    open = next
  }
  return bare
}

/** The events on which nothing stands any more once this one is refused as well. */
async function exposedBy(
  event: StoredEvent,
  refusedChildren: Map<EventId, number>,
  transaction: RoomTransaction,
): Promise<readonly StoredEvent[]> {
  const exposed: StoredEvent[] = []
  const room = transaction.requireHead().number
  for (const [eventId, parent] of await graphParents(event.pdu, transaction)) {
    const refused = (refusedChildren.get(eventId) ?? 0) + 1
    refusedChildren.set(eventId, refused)
    const further = (await tables.furtherChildren.get(transaction, room, eventId)) ?? 0
    if (refused === (parent.late ? 0 : 1) + further) exposed.push(parent)
  }
  return exposed
}

function memoryOf<V>(memories: WeakMap<RoomState, LruMap<string, V>>, state: RoomState, size: number) {
  const known = memories.get(state)
  if (known) return known
  const memory = new LruMap<string, V>(size)
  memories.set(state, memory)
  return memory
}
