import type { JsonObject, JsonValue } from '@starling/protocol'
import { isObject, type NaiveEvent, property } from './event.ts'
import { creatorsOf, integer, powerLevelOf, powerLevelsIn } from './power-levels.ts'
import { allow, type NaiveVerdict, type RuleInput, reject } from './rule-input.ts'
import { isUserId } from './user-ids.ts'

const NAMED = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite']

/** The rule for `m.room.power_levels`; `rule` is its number: 10 in versions 1 to 5 and in 12, 9 in between. */
export function checkPowerLevels(input: RuleInput, create: NaiveEvent | undefined, rule: string): NaiveVerdict {
  const { event, state, version } = input
  const { content } = event
  let point = 1
  if (version >= 10) {
    const isLevel = (value: JsonValue | undefined) => integer(value, version) !== undefined
    const isBad = (name: string) => property(content, name) !== undefined && !isLevel(property(content, name))
    if (NAMED.some(isBad)) return reject(`${rule}.1`)

    const isMapOfLevels = (value: JsonValue | undefined) => isObject(value) && Object.values(value).every(isLevel)
    const isBadMap = (name: string) => property(content, name) !== undefined && !isMapOfLevels(property(content, name))
    if (['events', 'notifications'].some(isBadMap)) return reject(`${rule}.2`)
    point = 3
  }

  const users = property(content, 'users')
  if (users !== undefined && !isMapOfUsers(users, version)) return reject(`${rule}.${point}`)
  point += 1

  if (version >= 12) {
    const creators = creatorsOf(create, version)
    if (isObject(users) && Object.keys(users).some((user) => creators.includes(user))) return reject(`${rule}.${point}`)
    point += 1
  }

  const current = powerLevelsIn(state)
  if (!current) return allow(`${rule}.${point}`)
  return checkChanges(current.content, input, powerLevelOf(event.sender, state, create, version), rule, point + 1)
}

function isMapOfUsers(users: JsonValue, version: number): boolean {
  if (!isObject(users)) return false
  return Object.entries(users).every(([user, level]) => isUserId(user) && integer(level, version) !== undefined)
}

/** The points from "for the properties `users_default`, …" on, the first of which has the number `point`. */
function checkChanges(
  before: JsonObject,
  { event, version }: RuleInput,
  level: number,
  rule: string,
  point: number,
): NaiveVerdict {
  const after = event.content
  for (const { current, next } of changes(before, after, NAMED, version)) {
    if (current !== undefined && current > level) return reject(`${rule}.${point}.1`)
    if (next !== undefined && next > level) return reject(`${rule}.${point}.2`)
  }

  const inMap = (name: string) => {
    const [old, now] = [property(before, name), property(after, name)]
    const keys = [old, now].flatMap((map) => (isObject(map) ? Object.keys(map) : []))
    return changes(old, now, [...new Set(keys)], version)
  }
  // `notifications` counts from version 6 on.
  const ofEvents = [...inMap('events'), ...(version >= 6 ? inMap('notifications') : [])]
  if (ofEvents.some(({ current }) => current !== undefined && current > level)) return reject(`${rule}.${point + 1}.1`)
  if (ofEvents.some(({ next }) => next !== undefined && next > level)) return reject(`${rule}.${point + 2}.1`)

  const ofUsers = inMap('users')
  const isOutOfReach = (change: Change) =>
    change.key !== event.sender && change.current !== undefined && change.current >= level
  if (ofUsers.some(isOutOfReach)) return reject(`${rule}.${point + 3}.1`)
  if (ofUsers.some(({ next }) => next !== undefined && next > level)) return reject(`${rule}.${point + 4}.1`)
  return allow(`${rule}.${point + 5}`)
}

interface Change {
  readonly key: string
  readonly current: number | undefined
  readonly next: number | undefined
}

/** What was added (no current value), changed, or removed (no next one). */
function changes(
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  keys: readonly string[],
  version: number,
): readonly Change[] {
  return keys
    .map((key) => ({
      key,
      current: integer(property(before, key), version),
      next: integer(property(after, key), version),
    }))
    .filter(({ current, next }) => current !== next)
}
