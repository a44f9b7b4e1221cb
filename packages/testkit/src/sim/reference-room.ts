import {
  type AuthState,
  ancestralOrder,
  authStateOf,
  checkAuth,
  checkAuthEventsList,
  createIdOfRoom,
  type Ed25519,
  type EventId,
  type Pdu,
  type RoomVersionRules,
  resolveState,
  type StateMap,
  type StateSlot,
  slotKey,
  stateSlot,
} from '@starling/protocol'

/** What the rules alone make of a set of events: no order of arrival, no cache, no snapshot, no answer of another server. */
export interface ReferenceRoom {
  readonly rejected: ReadonlySet<EventId>
  /** Undefined for events whose ancestors are not all in the set: nobody can tell. */
  stateAfter(id: EventId): StateMap | undefined
  resolve(states: readonly StateMap[]): StateMap
}

/** Judges every event by its auth events and by the state before it, and resolves that state from scratch at each merge. */
export function referenceRoom(events: Iterable<Pdu>, rules: RoomVersionRules, ed25519: Ed25519): ReferenceRoom {
  const byId = new Map<EventId, Pdu>()
  for (const event of events) byId.set(event.eventId, event)
  const source = { event: (id: EventId) => byId.get(id) }
  const rejected = new Set<EventId>()
  const after = new Map<EventId, StateMap>()
  const merged = new Map<string, StateMap>()
  const numbers = new Map<StateMap, number>()
  const numberOf = (state: StateMap) => {
    const known = numbers.get(state)
    if (known !== undefined) return known
    numbers.set(state, numbers.size)
    return numbers.size - 1
  }
  const resolve = (states: readonly StateMap[]): StateMap => {
    const distinct = [...new Set(states)]
    const [first] = distinct
    if (!first) return new Map()
    if (distinct.length === 1) return first
    const key = distinct
      .map(numberOf)
      .sort((a, b) => a - b)
      .join(',')
    const known = merged.get(key)
    if (known) return known
    const resolved = resolveState(distinct, source, rules, { ed25519, isRejected: (id) => rejected.has(id) })
    merged.set(key, resolved)
    return resolved
  }
  const stateFrom =
    (map: StateMap): AuthState =>
    (type, stateKey) => {
      const id = map.get(stateSlot(type, stateKey))
      return id === undefined ? undefined : byId.get(id)
    }
  for (const event of ancestralOrder(byId.values())) {
    const parents = event.prevEvents.map((id) => after.get(id))
    if (parents.some((state) => state === undefined) || !event.authEvents.every((id) => after.has(id))) continue
    if (event.prevEvents.length === 0 && event.type !== 'm.room.create') continue
    const before = resolve(parents as StateMap[])
    const isAllowed = isAllowedByAuthEvents(event) && checkAuth(event, stateFrom(before), rules, { ed25519 }).allowed
    if (!isAllowed) rejected.add(event.eventId)
    after.set(event.eventId, isAllowed && event.stateKey !== undefined ? withEvent(before, event) : before)
  }
  return { rejected, stateAfter: (id) => after.get(id), resolve }

  function isAllowedByAuthEvents(event: Pdu): boolean {
    const auth = event.authEvents.flatMap((id) => byId.get(id) ?? [])
    if (!checkAuthEventsList(event, auth, rules, (id) => rejected.has(id)).allowed) return false
    const create = rules.auth.createInAuthEvents ? undefined : byId.get(createIdOfRoom(event.roomId))
    return checkAuth(event, authStateOf(create ? [create, ...auth] : auth), rules, { ed25519 }).allowed
  }
}

function withEvent(state: StateMap, event: Pdu): StateMap {
  const next = new Map(state)
  next.set(stateSlot(event.type, event.stateKey ?? ''), event.eventId)
  return next
}

/** Slots in which two states differ, for a person to read. */
export function differingSlots(a: StateMap, b: StateMap): string[] {
  const slots = new Set<StateSlot>([...a.keys(), ...b.keys()])
  return [...slots].flatMap((slot) => {
    if (a.get(slot) === b.get(slot)) return []
    const { type, stateKey } = slotKey(slot)
    return `${type} ${stateKey}: ${a.get(slot) ?? 'nothing'} / ${b.get(slot) ?? 'nothing'}`
  })
}
