import type { EventId } from '../ids/branded.ts'

/** One slot of room state: `type` and `state_key`. */
export interface StateKey {
  readonly type: string
  readonly stateKey: string
}

/** A slot as one string, `<length of type>:<type><state_key>`: unambiguous whatever characters a stranger puts in. */
export type StateSlot = string & { readonly __brand: 'StateSlot' }

/** Room state: slot → id of the event that holds it. */
export type StateMap = ReadonlyMap<StateSlot, EventId>

export function stateSlot(type: string, stateKey: string): StateSlot {
  return `${type.length}:${type}${stateKey}` as StateSlot
}

export function slotKey(slot: StateSlot): StateKey {
  const colon = slot.indexOf(':')
  const end = colon + 1 + Number(slot.slice(0, colon))
  return { type: slot.slice(colon + 1, end), stateKey: slot.slice(end) }
}
