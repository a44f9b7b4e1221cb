import { ancestralOrder, type EventId, type Pdu, stateSlot } from '@starling/protocol'
import { breathe } from '../breathe.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { EMPTY_STATE, type RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import type { IngestParts } from './ingest-pdu.ts'
import { checkByAuthEvents } from './step-4-auth-events.ts'
import { checkByState } from './step-5-state-before.ts'

/** Events between two turns of the event loop. */
const SLICE = 100

export interface Rejudged {
  /** All events that stand in the DAG, parents first, as they are now. */
  readonly graph: ReadonlyMap<EventId, StoredEvent>
  /** Those that were rejected and are not any more. They are soft-failed until somebody looks whether they can be shown. */
  readonly revealed: readonly StoredEvent[]
  /** Those that were not rejected and are now, as they were. */
  readonly hidden: readonly StoredEvent[]
  /** Every one has been judged by its ancestors alone. */
  readonly isExact: boolean
}

/**
 * Steps 4 and 5 once more for each event of a room, parents and auth events first, each by the state that its parents make. Where
 * parents are missing the state stays what somebody reported; history laid down around a missing parent keeps its guess.
 */
export async function rejudgeEvents(
  events: ReadonlyMap<EventId, StoredEvent>,
  createId: EventId | undefined,
  transaction: RoomTransaction,
  parts: IngestParts,
): Promise<Rejudged> {
  const pass = new Pass(createId, transaction, parts)
  let done = 0
  for (const { eventId } of ancestralOrder([...events.values()].map(({ pdu }) => pdu))) {
    if (++done % SLICE === 0) await breathe()
    const event = events.get(eventId)
    if (event?.after === undefined) await pass.judgeOutlier(event)
    else await pass.judge(event, event.after)
  }
  return pass
}

class Pass implements Rejudged {
  readonly graph = new Map<EventId, StoredEvent>()
  readonly revealed: StoredEvent[] = []
  readonly hidden: StoredEvent[] = []
  readonly #inexact = new Set<EventId>()
  readonly #createId: EventId | undefined
  readonly #transaction: RoomTransaction
  readonly #parts: IngestParts

  constructor(createId: EventId | undefined, transaction: RoomTransaction, parts: IngestParts) {
    this.#createId = createId
    this.#transaction = transaction
    this.#parts = parts
  }

  get isExact(): boolean {
    return this.#inexact.size === 0
  }

  /** Outside the DAG only the auth events count. What of these is not here leaves it as it was. */
  async judgeOutlier(event: StoredEvent | undefined): Promise<void> {
    if (!event || (event.pdu.type === 'm.room.create' && event.pdu.eventId !== this.#createId)) return
    const rejection = await this.#byAuthEvents(event)
    if (rejection === event.reason) return
    const { reason: _, ...rest } = event
    const status = rejection === undefined ? ({ status: 'outlier' } as const) : asRejected(rejection)
    this.#transaction.putEvent({ ...rest, ...status })
  }

  async judge(event: StoredEvent, storedAfter: NonNullable<StoredEvent['after']>): Promise<void> {
    const { eventId } = event.pdu
    const computed = await this.#stateBefore(event.pdu)
    if (!computed?.isExact) this.#inexact.add(eventId)
    const stored = await this.#transaction.state(event.before ?? EMPTY_STATE.id)
    const isSame = !computed || computed.state.map.changesTo(stored.map).size === 0
    const before = isSame ? stored : computed.state
    const isGuess = event.approximate === true && !computed
    const rejection =
      (await this.#byAuthEvents(event)) ?? (isGuess ? undefined : await this.#byState(event.pdu, before))
    const wasRejected = event.status === 'rejected'
    // The state after history is a guess as well, whatever the state before it turned out to be.
    const isUnchanged = isSame && wasRejected === (rejection !== undefined) && isGuess === (event.approximate === true)
    const after = isUnchanged ? storedAfter : this.#stateAfter(event.pdu, before, rejection !== undefined)
    const next = this.#outcome(event, { before, after, rejection, isGuess })
    this.graph.set(eventId, next)
    this.#transaction.putEvent(next)
    if (wasRejected && rejection === undefined) this.revealed.push(next)
    if (!wasRejected && rejection !== undefined) this.hidden.push(event)
  }

  /** Undefined where a parent is missing or its own state is a guess. */
  async #stateBefore({
    eventId,
    prevEvents,
  }: Pdu): Promise<{ readonly state: RoomState; readonly isExact: boolean } | undefined> {
    if (eventId === this.#createId) return { state: EMPTY_STATE, isExact: true }
    if (prevEvents.length === 0) return undefined
    const states: RoomState[] = []
    for (const parentId of prevEvents) {
      const parent = this.graph.get(parentId)
      if (parent?.after === undefined || parent.approximate) return undefined
      states.push(await this.#transaction.state(parent.after))
    }
    const state = await this.#parts.resolve(this.#transaction, states)
    return { state, isExact: !prevEvents.some((parentId) => this.#inexact.has(parentId)) }
  }

  async #byAuthEvents(event: StoredEvent): Promise<string | undefined> {
    const { rules } = this.#transaction.requireHead()
    const result = await checkByAuthEvents(event.pdu, rules, this.#transaction, this.#parts.ed25519)
    if (result.kind === 'missing') return event.status === 'rejected' ? event.reason : undefined
    return result.kind === 'rejected' ? result.reason : undefined
  }

  async #byState(pdu: Pdu, before: RoomState): Promise<string | undefined> {
    const { rules } = this.#transaction.requireHead()
    const verdict = await checkByState(pdu, before.map, rules, this.#transaction, this.#parts.ed25519)
    return verdict.allowed ? undefined : verdict.code
  }

  #stateAfter(pdu: Pdu, before: RoomState, isRejected: boolean): NonNullable<StoredEvent['after']> {
    if (pdu.stateKey === undefined || isRejected) return before.id
    return this.#transaction.deriveState(before, new Map([[stateSlot(pdu.type, pdu.stateKey), pdu.eventId]])).id
  }

  #outcome(event: StoredEvent, { before, after, rejection, isGuess }: Outcome): StoredEvent {
    const { reason, replaces: _, approximate: __, late: ___, ...rest } = event
    const { stateKey, type } = event.pdu
    const replaces = stateKey === undefined ? undefined : before.map.get(stateSlot(type, stateKey))
    const states = {
      ...{ before: before.id, after },
      ...(replaces === undefined ? {} : { replaces }),
      ...(isGuess ? { approximate: true as const } : {}),
    }
    if (rejection !== undefined) {
      const { order: ____, ...unseen } = rest
      return { ...unseen, ...states, ...asRejected(rejection) }
    }
    if (event.status === 'rejected') return { ...rest, ...states, status: 'soft-failed', reason: 'judged_again' }
    return { ...rest, ...states, ...(reason === undefined ? {} : { reason }) }
  }
}

interface Outcome {
  readonly before: RoomState
  readonly after: NonNullable<StoredEvent['after']>
  readonly rejection: string | undefined
  readonly isGuess: boolean
}

function asRejected(reason: string) {
  return { status: 'rejected', reason } as const
}
