import { parseUserId } from '../ids/user-id.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { isPrivilegedCreator } from './creators.ts'
import { DEFAULT_LEVELS, level } from './power-levels.ts'
import type { RuleInput } from './rule-input.ts'
import { ALLOWED, type AuthVerdict, type Denied, denied } from './verdict.ts'

const NAMED = Object.keys(DEFAULT_LEVELS)

/** Rule 10 (version 12's numbers): `m.room.power_levels`. */
export function checkPowerLevels(input: RuleInput): AuthVerdict {
  const { event, state, rules, levels } = input
  const malformed = malformedLevels(event.content, rules) ?? malformedUsers(input)
  if (malformed) return malformed
  // 10.5
  const current = state('m.room.power_levels', '')?.content
  if (current === undefined) return ALLOWED
  const power = levels.user(event.sender)
  const next = event.content
  // 10.6
  for (const name of NAMED) {
    const alteration = altered(ownValue(current, name), ownValue(next, name), rules)
    if (alteration && isAbove(alteration, power)) return above(`changes ${name}`)
  }
  // 10.7, 10.8
  for (const group of rules.auth.notificationLevels ? ['events', 'notifications'] : ['events']) {
    for (const alteration of alteredEntries(current, next, group, rules)) {
      if (isAbove(alteration, power)) return above(`changes an entry of ${group}`)
    }
  }
  for (const alteration of alteredEntries(current, next, 'users', rules)) {
    // 10.9
    const isOwn = alteration.key === event.sender
    if (!isOwn && alteration.before !== undefined && alteration.before >= power) {
      return above('changes a user of at least the same level')
    }
    // 10.10
    if (alteration.after !== undefined && alteration.after > power) return above('raises a user above the sender')
  }
  return ALLOWED
}

/** 10.1 and 10.2, from version 10 on. */
function malformedLevels(content: JsonObject, rules: RoomVersionRules): Denied | undefined {
  if (!rules.auth.integerLevels) return undefined
  for (const name of NAMED) {
    const value = ownValue(content, name)
    if (value !== undefined && !Number.isSafeInteger(value))
      return denied('power_levels_malformed', `${name} is no integer`)
  }
  for (const group of ['events', 'notifications']) {
    const entries = ownValue(content, group)
    if (entries === undefined) continue
    if (!isJsonObject(entries) || !Object.values(entries).every(Number.isSafeInteger)) {
      return denied('power_levels_malformed', `${group} is no object of integers`)
    }
  }
  return undefined
}

/** 10.3 and 10.4. */
function malformedUsers({ event, create, rules }: RuleInput): Denied | undefined {
  const users = ownValue(event.content, 'users')
  if (users === undefined) return undefined
  if (!isJsonObject(users)) return denied('power_levels_users', 'users is no object')
  for (const [userId, value] of Object.entries(users)) {
    if (parseUserId(userId, rules.userIds) === undefined || level(value, rules) === undefined) {
      return denied('power_levels_users', 'users is no object of user ids and levels')
    }
    if (isPrivilegedCreator(userId, create, rules)) return denied('power_levels_creator', 'users names a creator')
  }
  return undefined
}

interface Alteration {
  readonly before: number | undefined
  readonly after: number | undefined
}

function altered(
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  rules: RoomVersionRules,
): Alteration | undefined {
  const alteration = { before: level(before, rules), after: level(after, rules) }
  return alteration.before === alteration.after ? undefined : alteration
}

function alteredEntries(
  current: JsonObject,
  next: JsonObject,
  group: string,
  rules: RoomVersionRules,
): (Alteration & { readonly key: string })[] {
  const before = objectOrEmpty(ownValue(current, group))
  const after = objectOrEmpty(ownValue(next, group))
  const found: (Alteration & { readonly key: string })[] = []
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const alteration = altered(ownValue(before, key), ownValue(after, key), rules)
    if (alteration) found.push({ key, ...alteration })
  }
  return found
}

function isAbove({ before, after }: Alteration, power: number): boolean {
  return (before !== undefined && before > power) || (after !== undefined && after > power)
}

function above(what: string): Denied {
  return denied('power_levels_above_sender', `${what} beyond the sender's power`)
}

function objectOrEmpty(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
