import type { EventId, JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { parseEventId, parseRoomId, parseUserId, serverOf } from '@starling/protocol'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { limits } from '../limits.ts'
import { asArray, asObject } from '../wire/read-json.ts'

type Params = Readonly<Record<string, string>>

export function roomIdOf(params: Params): RoomId {
  return parseRoomId(params.roomId) ?? invalid('The room id is malformed.')
}

export function eventIdOf(params: Params): EventId {
  return parseEventId(params.eventId) ?? invalid('The event id is malformed.')
}

/** The user of a handshake: only the asking server's own. */
export function ownUserOf(params: Params, origin: ServerName): UserId {
  const userId = parseUserId(params.userId) ?? invalid('The user id is malformed.')
  if (serverOf(userId) !== origin) throw new AnswerError(403, 'M_FORBIDDEN', 'The user is of another server.')
  return userId
}

export function bodyOf(content: JsonObject | undefined): JsonObject {
  return content ?? invalid('The request needs a body.', 'M_NOT_JSON')
}

/** A list of event ids, at most `idsPerRequest`; absent counts as empty where `min` is 0. */
export function eventIdsOf(value: unknown, what: string, min: number): readonly EventId[] {
  const list = value === undefined && min === 0 ? [] : asArray(value)
  if (!list || list.length < min || list.length > limits.idsPerRequest) {
    return invalid(`"${what}" has to be a list of ${min} to ${limits.idsPerRequest} event ids.`)
  }
  return list.map((id) => parseEventId(id) ?? invalid(`"${what}" holds something that is no event id.`))
}

export function objectOf(value: unknown, what: string): JsonObject {
  return asObject(value) ?? invalid(`"${what}" has to be an object.`)
}

export function invalid(message: string, errcode = 'M_INVALID_PARAM'): never {
  throw new AnswerError(400, errcode, message)
}

/** 429 `M_LIMIT_EXCEEDED` where a quota asks for a wait. */
export function requireQuota(retryAfterMs: number, message: string): void {
  if (retryAfterMs === 0) return
  throw new AnswerError(429, 'M_LIMIT_EXCEEDED', message, { fields: { retry_after_ms: retryAfterMs } })
}

export function notFound(message: string): never {
  throw new AnswerError(404, 'M_NOT_FOUND', message)
}
