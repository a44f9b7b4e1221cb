import { parseUserId, type ServerName, type StateMap, type StateSlot, serverOf, slotKey } from '@starling/protocol'

/** By state; gone with it. One walk through the members of a state answers for all servers. */
const remembered = new WeakMap<StateMap, ReadonlyMap<ServerName, readonly StateSlot[]>>()

/**
 * The `m.room.member` slots of a server's users in a state. Users who have left are in it still, so for who was there at an
 * earlier event the current state tells whom to ask about.
 */
export function memberSlotsOf(server: ServerName, state: StateMap): readonly StateSlot[] {
  const known = remembered.get(state)
  if (known) return known.get(server) ?? []
  const slots = new Map<ServerName, StateSlot[]>()
  for (const slot of state.keys()) {
    const { type, stateKey } = slotKey(slot)
    const userId = type === 'm.room.member' ? parseUserId(stateKey) : undefined
    if (!userId) continue
    const own = slots.get(serverOf(userId))
    if (own) own.push(slot)
    else slots.set(serverOf(userId), [slot])
  }
  remembered.set(state, slots)
  return slots.get(server) ?? []
}
