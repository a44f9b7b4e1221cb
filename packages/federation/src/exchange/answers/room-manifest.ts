import type { EventId, Pdu, RoomId, StateMap } from '@starling/protocol'
import { createIdOfRoom, roomVersionRules, stateSlot } from '@starling/protocol'
import { breathe } from '../../breathe.ts'
import type { RoomEngine } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'

/** What a joining server needs to know the state before its join by: ids, in an order in which they can be judged. */
export interface RoomManifest {
  /** Auth chains of the state and of the join, each event after those that authorise it; the create event first. */
  readonly authChain: readonly EventId[]
  /** The whole state before the join; what of it is not in `authChain` is authorised by that alone. */
  readonly state: readonly EventId[]
  /** The events, where they are few. */
  readonly events: ReadonlyMap<EventId, Pdu> | undefined
}

/** Events read at a time; between two readings others have their turn. */
const BATCH = 250
/** Ids of kept manifests, all together; the least recently used go first. */
const KEPT_IDS = 200_000

/**
 * Manifests of joins, kept for the pages of ids that are asked for one after the other. Each costs a reading of the whole state, so
 * several askers for one join share it.
 */
export class RoomManifests {
  readonly #engine: RoomEngine
  readonly #kept = new LruMap<string, RoomManifest>(KEPT_IDS)
  readonly #making = new Map<string, Promise<RoomManifest | undefined>>()

  constructor(engine: RoomEngine) {
    this.#engine = engine
  }

  /** Undefined where the event is not in that room's DAG here. @throws AnswerError 413 over the bound */
  async of(roomId: RoomId, eventId: EventId): Promise<RoomManifest | undefined> {
    const key = `${roomId} ${eventId}`
    const kept = this.#kept.get(key)
    if (kept) return kept
    const making = this.#making.get(key) ?? this.#make(roomId, eventId)
    this.#making.set(key, making)
    try {
      const made = await making
      // Small rooms are answered at once and never asked about again.
      if (made && !made.events) this.#kept.set(key, made, made.authChain.length + made.state.length)
      return made
    } finally {
      this.#making.delete(key)
    }
  }

  isKept(roomId: RoomId, eventId: EventId): boolean {
    return this.#kept.get(`${roomId} ${eventId}`) !== undefined
  }

  async #make(roomId: RoomId, eventId: EventId): Promise<RoomManifest | undefined> {
    const version = await this.#engine.roomVersion(roomId)
    const rules = version === undefined ? undefined : roomVersionRules(version)
    const state = await this.#engine.stateBefore(roomId, eventId)
    if (!rules || !state) return undefined
    const create = rules.roomId === 'hash' ? createIdOfRoom(roomId) : state.get(stateSlot('m.room.create', ''))
    if (create === undefined) return undefined
    return manifestOf(this.#engine, state, eventId, create)
  }
}

async function manifestOf(
  engine: RoomEngine,
  state: StateMap,
  eventId: EventId,
  create: EventId,
): Promise<RoomManifest> {
  const stateIds = [...state.values()]
  const events = new Map<EventId, Pdu>()
  /** Auth events of every event of the chain, and of what leads to it. */
  const authEvents = new Map<EventId, readonly EventId[]>()
  const chain = new Set<EventId>([create])
  let open: EventId[] = [eventId, create, ...stateIds]
  while (open.length > 0) {
    const next: EventId[] = []
    for (let start = 0; start < open.length; start += BATCH) {
      if (start > 0) await breathe()
      for (const [id, { pdu }] of await engine.events(open.slice(start, start + BATCH))) {
        authEvents.set(id, pdu.authEvents)
        if (authEvents.size <= limits.eventsOfSmallRoom) events.set(id, pdu)
        for (const one of pdu.authEvents) {
          if (!chain.has(one) && !authEvents.has(one)) next.push(one)
          chain.add(one)
        }
      }
      if (authEvents.size > limits.eventsPerState) {
        throw new AnswerError(413, 'M_TOO_LARGE', 'The state of the room is too large to be given.')
      }
    }
    open = [...new Set(next)].filter((id) => !authEvents.has(id))
  }
  return {
    authChain: inAuthOrder([create, ...(authEvents.get(eventId) ?? []), ...chain], authEvents),
    state: stateIds,
    events: authEvents.size <= limits.eventsOfSmallRoom ? events : undefined,
  }
}

/**
 * Each after its auth events, else as given: the create event first, also where others do not name it (room version 12),
 * then what authorises the join.
 */
function inAuthOrder(chain: readonly EventId[], authEvents: ReadonlyMap<EventId, readonly EventId[]>): EventId[] {
  const ordered: EventId[] = []
  const done = new Set<EventId>()
  for (const root of chain) {
    const stack = [root]
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      const waiting = done.has(id) ? [] : (authEvents.get(id) ?? []).filter((one) => !done.has(one))
      if (waiting.length > 0) {
        stack.push(...waiting)
        continue
      }
      stack.pop()
      if (done.has(id)) continue
      done.add(id)
      ordered.push(id)
    }
  }
  return ordered
}
