import type { Pdu } from '../events/pdu.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { isPrivilegedCreator, roomCreator } from './creators.ts'

/** The levels that stand directly in `m.room.power_levels`, with what counts where they are absent. */
export const DEFAULT_LEVELS = Object.freeze({
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  redact: 50,
  kick: 50,
  invite: 0,
})

export type NamedLevel = keyof typeof DEFAULT_LEVELS

/** Power levels of a room as the authorisation rules ask for them, defaults filled in. */
export interface PowerLevels {
  /** `Infinity` for version 12's creators. */
  user(userId: string): number
  /** Required power level to send an event of that type (not for membership). */
  event(type: string, isState: boolean): number
  named(name: NamedLevel): number
}

/** A view; nothing is read before it is asked for, since the `users` of a large room are thousands. */
export function powerLevelsOf(
  powerLevels: Pdu | undefined,
  create: Pdu | undefined,
  rules: RoomVersionRules,
): PowerLevels {
  const content: JsonObject = powerLevels?.content ?? {}
  const named = (name: NamedLevel): number => level(ownValue(content, name), rules) ?? DEFAULT_LEVELS[name]
  return {
    named,
    user(userId) {
      if (create && isPrivilegedCreator(userId, create, rules)) return Number.POSITIVE_INFINITY
      if (powerLevels === undefined) return create && roomCreator(create, rules) === userId ? 100 : 0
      return entry(content, 'users', userId, rules) ?? named('users_default')
    },
    event(type, isState) {
      return entry(content, 'events', type, rules) ?? named(isState ? 'state_default' : 'events_default')
    },
  }
}

/**
 * A level as that room version reads it: an integer; before version 10 also a string of one. `undefined` for anything else. (The
 * fractions that versions 1 to 5 would cut are in no event: `parsePdu` refuses them.)
 */
export function level(value: JsonValue | undefined, rules: RoomVersionRules): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  if (rules.auth.integerLevels || typeof value !== 'string' || !STRINGY.test(value)) return undefined
  const number = Number(value.trim())
  return Number.isFinite(number) ? number : undefined
}

/** Fragment "v1-stringy-power-levels": sign, leading zeroes and surrounding whitespace are fine. */
const STRINGY = /^\s*[+-]?[0-9]+\s*$/

function entry(content: JsonObject, group: string, key: string, rules: RoomVersionRules): number | undefined {
  const entries = ownValue(content, group)
  return isJsonObject(entries) ? level(ownValue(entries, key), rules) : undefined
}
