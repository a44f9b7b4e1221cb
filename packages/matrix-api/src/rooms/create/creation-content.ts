import type { JsonObject, RoomVersionRules, UserId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import { arrayIn } from '../content.ts'
import { asUserId } from './create-room-input.ts'

/** Keys of the create event that only the server sets. */
const SET_BY_SERVER: ReadonlySet<string> = new Set(['creator', 'room_version'])

/**
 * Content of the create event as the client may shape it. Version 12: `additional_creators` are checked here, and the
 * trusted invitees are added to them; earlier versions know no such thing and lose the key.
 */
export function creationContent(
  given: JsonObject,
  trusted: readonly UserId[],
  creator: UserId,
  rules: RoomVersionRules,
): JsonObject {
  const content: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    if (!SET_BY_SERVER.has(key) && key !== 'additional_creators') content[key] = value
  }
  if (rules.auth.privilegedCreators) {
    const creators = new Set([...namedCreators(given), ...trusted])
    creators.delete(creator)
    if (creators.size > 0) content.additional_creators = [...creators]
  }
  return content as JsonObject
}

function namedCreators(given: JsonObject): UserId[] {
  if (!Object.hasOwn(given, 'additional_creators')) return []
  const named = arrayIn(given, 'additional_creators')
  if (!named) throw new MatrixError(400, 'M_BAD_JSON', 'Not a list: additional_creators')
  return named.map((text) => asUserId(text, 'additional_creators'))
}
