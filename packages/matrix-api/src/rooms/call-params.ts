import {
  type EventId,
  parseEventId,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  parseUserId,
  type RoomAlias,
  type RoomId,
  type ServerName,
  type UserId,
} from '@starling/protocol'
import type { Call } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'

type Params = Pick<Call, 'params'>

/** Servers asked at most for a join or a knock, so that one request cannot make this node call hundreds. */
const MAX_VIA = 10

/** `{roomId}` of the path; 400 `M_INVALID_PARAM` where it is none. The same for the others below. */
export function roomIdOf(call: Params): RoomId {
  return parseRoomId(call.params.roomId) ?? invalid('room id')
}

export function eventIdOf(call: Params): EventId {
  return parseEventId(call.params.eventId) ?? invalid('event id')
}

export function aliasOf(call: Params): RoomAlias {
  return parseRoomAlias(call.params.roomAlias) ?? invalid('room alias')
}

export function userIdOf(call: Params): UserId {
  return parseUserId(call.params.userId) ?? invalid('user id')
}

/** `{userId}` of the path, which must be the caller's own: 403 `M_FORBIDDEN` otherwise. */
export function ownUserIdOf(call: Params & Pick<Call, 'requester'>): UserId {
  const userId = userIdOf(call)
  if (userId !== call.requester.userId) {
    throw new MatrixError(403, 'M_FORBIDDEN', 'That belongs to another user')
  }
  return userId
}

/** `{roomIdOrAlias}` of the path. */
export function roomIdOrAliasOf(call: Params): { readonly roomId: RoomId } | { readonly alias: RoomAlias } {
  const text = call.params.roomIdOrAlias
  const roomId = parseRoomId(text)
  if (roomId) return { roomId }
  return { alias: parseRoomAlias(text) ?? invalid('room id or alias') }
}

/** `via` and its older name `server_name`; what is no server name is left out. */
export function viaOf(call: Pick<Call, 'queryAll'>): readonly ServerName[] {
  const named = [...call.queryAll('via'), ...call.queryAll('server_name')]
  const servers = named.map((name) => parseServerName(name)).filter((name) => name !== undefined)
  return [...new Set(servers)].slice(0, MAX_VIA)
}

/** A query parameter that is `true` or `false`; absent is `false`. */
export function booleanQuery(query: Readonly<Record<string, string>>, name: string): boolean {
  const text = query[name]
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  throw new MatrixError(400, 'M_INVALID_PARAM', `Neither true nor false: ${name}`)
}

/** A query parameter out of a fixed set; 400 for anything else. */
export function choiceQuery<Choice extends string>(
  query: Readonly<Record<string, string>>,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = query[name]
  if (text === undefined) return undefined
  const choice = choices.find((candidate) => candidate === text)
  if (!choice) throw new MatrixError(400, 'M_INVALID_PARAM', `Must be one of ${choices.join(', ')}: ${name}`)
  return choice
}

function invalid(what: string): never {
  throw new MatrixError(400, 'M_INVALID_PARAM', `Not a valid ${what}`)
}
