import type { JsonValue } from '@starling/protocol'
import { type NaiveEvent, type NaiveEvents, type NaiveState, property, tuple } from './event.ts'

/** The levels with a property of their own, and what they are when it is missing (`m.room.power_levels`; server-server API, "Definitions"). */
const DEFAULTS = { users_default: 0, events_default: 0, state_default: 50, ban: 50, kick: 50, redact: 50, invite: 0 }

export type LevelName = keyof typeof DEFAULTS

/**
 * A power level as the room version writes them: an integer everywhere; in versions 1 to 9 also a string of one, with sign, leading
 * zeroes and white space around; in versions 1 to 5 a float too, cut off at the point. Anything else is no level.
 */
export function integer(value: JsonValue | undefined, version: number): number | undefined {
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return value
    return version <= 5 && Number.isFinite(value) ? Math.trunc(value) : undefined
  }
  if (version <= 9 && typeof value === 'string' && /^\s*[+-]?[0-9]+\s*$/.test(value)) return Number(value.trim())
  return undefined
}

export function powerLevelsIn(state: NaiveState): NaiveEvent | undefined {
  return state.get(tuple('m.room.power_levels', ''))
}

/** The create event in the room state; in version 12 it is the event that the room id names. */
export function createOf(
  roomId: string,
  state: NaiveState,
  events: NaiveEvents,
  version: number,
): NaiveEvent | undefined {
  if (version >= 12) return events.get(`$${roomId.slice(1)}`)
  return state.get(tuple('m.room.create', ''))
}

/** `content.creator` up to version 10, the sender from 11 on; version 12 adds `additional_creators`. */
export function creatorsOf(create: NaiveEvent | undefined, version: number): readonly JsonValue[] {
  if (!create) return []
  if (version <= 10) return [property(create.content, 'creator') ?? null]
  if (version === 11) return [create.sender]
  const additional = property(create.content, 'additional_creators')
  return [create.sender, ...(Array.isArray(additional) ? additional : [])]
}

/** A named level of the current power levels event, or what it is by default. */
export function namedLevel(name: LevelName, state: NaiveState, version: number): number {
  return integer(property(powerLevelsIn(state)?.content, name), version) ?? DEFAULTS[name]
}

/** Creators of version 12 rooms are infinitely powerful; in older rooms the creator has 100 while there are no power levels. */
export function powerLevelOf(user: string, state: NaiveState, create: NaiveEvent | undefined, version: number): number {
  const isCreator = creatorsOf(create, version).includes(user)
  if (version >= 12 && isCreator) return Number.POSITIVE_INFINITY
  const powerLevels = powerLevelsIn(state)
  if (!powerLevels) return isCreator ? 100 : 0
  const own = integer(property(property(powerLevels.content, 'users'), user), version)
  return own ?? namedLevel('users_default', state, version)
}

/** "Required power level": by the event's type, or the default for state or for messages. */
export function requiredPowerLevel(event: NaiveEvent, state: NaiveState, version: number): number {
  const own = integer(property(property(powerLevelsIn(state)?.content, 'events'), event.type), version)
  return own ?? namedLevel(event.stateKey === undefined ? 'events_default' : 'state_default', state, version)
}
