import { type JsonObject, level, type RoomVersionRules, roomVersionRules, type UserId } from '@starling/protocol'
import type { RoomEvent } from '../../ports.ts'
import { objectIn, stringIn } from '../content.ts'

/** Between which versions a room moves, by whom, and who will be its creators beside them. */
export interface Move {
  /** Version of the room that is replaced, and of the new one. */
  readonly from: RoomVersionRules
  readonly to: RoomVersionRules
  readonly userId: UserId
  readonly creators: readonly UserId[]
}

type Transfer = (content: JsonObject, move: Move) => JsonObject

const VERBATIM: Transfer = (content) => content

/** State that goes with a room, in the order in which it is sent (the spec's list; power levels first, as at creation). */
export const TRANSFERRED: ReadonlyMap<string, Transfer> = new Map([
  ['m.room.power_levels', transferredPower],
  ['m.room.join_rules', transferredJoinRule],
  ['m.room.history_visibility', VERBATIM],
  ['m.room.guest_access', VERBATIM],
  ['m.room.encryption', VERBATIM],
  ['m.room.server_acl', VERBATIM],
  ['m.room.name', VERBATIM],
  ['m.room.avatar', VERBATIM],
  ['m.room.topic', VERBATIM],
])

/** Rules of the version that a create event names. */
export function rulesOfRoom(create: RoomEvent, fallback: RoomVersionRules): RoomVersionRules {
  return roomVersionRules(stringIn(create.pdu.content, 'room_version') ?? '1') ?? fallback
}

/** What the creator of a room has by default, up to version 11. */
const ADMIN = 100

/**
 * Power levels as the new version wants them: integers from version 10 on; in version 12 its creators are not named and the
 * tombstone is kept to them; before that, who upgrades must be able to set everything up, as the creator of any room is.
 */
function transferredPower(content: JsonObject, { from, to, userId, creators }: Move): JsonObject {
  const levels = asIntegers(content, from)
  const users = { ...(levels.users as Readonly<Record<string, number>> | undefined) }
  const events = { ...(levels.events as Readonly<Record<string, number>> | undefined) }
  if (to.auth.privilegedCreators) {
    for (const creator of [userId, ...creators]) delete users[creator]
    const stateDefault = typeof levels.state_default === 'number' ? levels.state_default : 50
    const tombstone = Math.max(150, stateDefault + 1)
    return { ...levels, users, events: { ...events, 'm.room.tombstone': tombstone } }
  }
  // What was kept to version 12's creators is for its admins.
  const kept = events['m.room.tombstone']
  if (from.auth.privilegedCreators && kept !== undefined) events['m.room.tombstone'] = Math.min(ADMIN, kept)
  const asked = [levels, events].flatMap((group) => Object.values(group)).filter((value) => typeof value === 'number')
  return { ...levels, events, users: { ...users, [userId]: Math.max(ADMIN, users[userId] ?? 0, ...asked) } }
}

/** What `from` understands as a level, as an integer; what it does not understand is left out. */
function asIntegers(content: JsonObject, from: RoomVersionRules): JsonObject {
  const read: Record<string, JsonObject | number> = {}
  for (const [key, value] of Object.entries(content)) {
    const entries = objectIn(content, key)
    const number = entries ? integersIn(entries, from) : level(value, from)
    if (number !== undefined) read[key] = number
  }
  return read
}

function integersIn(entries: JsonObject, from: RoomVersionRules): JsonObject {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([key, value]) => {
      const number = level(value, from)
      return number === undefined ? [] : [[key, number]]
    }),
  )
}

/** A rule that the new version does not know would let nobody in: its nearest is by invitation. */
function transferredJoinRule(content: JsonObject, { to }: Move): JsonObject {
  const rule = stringIn(content, 'join_rule')
  const { knockRules, restrictedRules } = to.auth
  const known = rule === 'public' || rule === 'invite' || rule === 'private'
  if (rule === undefined || known || knockRules.has(rule) || restrictedRules.has(rule)) return content
  if (rule === 'knock_restricted' && restrictedRules.has('restricted')) return { ...content, join_rule: 'restricted' }
  return { join_rule: 'invite' }
}
