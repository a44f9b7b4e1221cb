import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { RoomError } from '../../room/room-error.ts'
import type { HandshakeMembership } from '../membership/template.ts'
import type { AnswerParts } from './answer-parts.ts'
import { notFound } from './read-request.ts'

/** Version of a room that this server is resident in; 404 for all others, so that a stranger learns nothing. */
export async function residentVersion(parts: AnswerParts, roomId: RoomId): Promise<string> {
  const version = await parts.engine.roomVersion(roomId)
  const isIn = version !== undefined && (await parts.engine.joinedServers(roomId)).has(parts.keys.serverName)
  return isIn ? version : notFound('This server is not in the room.')
}

/** 400 `M_INCOMPATIBLE_ROOM_VERSION` unless the asker's `ver` parameters (by default `1`) name the room's version. */
export function requireSupported(version: string, query: URLSearchParams): void {
  const supported = query.getAll('ver')
  if ((supported.length > 0 ? supported : ['1']).includes(version)) return
  throw new AnswerError(400, 'M_INCOMPATIBLE_ROOM_VERSION', `The room has version ${version}.`, {
    fields: { room_version: version },
  })
}

/** The template for a handshake; 403 where the auth rules would not let the event in. */
export async function makeTemplate(
  parts: AnswerParts,
  roomId: RoomId,
  userId: UserId,
  membership: HandshakeMembership,
  roomVersion: string,
  extra: JsonObject = {},
): Promise<JsonObject> {
  try {
    const event = await parts.engine.template({
      roomId,
      sender: userId,
      type: 'm.room.member',
      stateKey: userId,
      content: { membership, ...extra },
    })
    return { room_version: roomVersion, event }
  } catch (error) {
    if (error instanceof RoomError) throw refusal(error, membership)
    throw error
  }
}

function refusal(error: RoomError, membership: HandshakeMembership): AnswerError {
  if (error.code === 'forbidden') {
    return new AnswerError(403, 'M_FORBIDDEN', `The user may not ${membership} this room.`, { cause: error })
  }
  if (error.code === 'unknown-room') return new AnswerError(404, 'M_NOT_FOUND', 'Unknown room.', { cause: error })
  if (error.code === 'busy') return new AnswerError(503, 'M_UNKNOWN', error.message, { cause: error })
  return new AnswerError(400, 'M_UNKNOWN', error.message, { cause: error })
}
