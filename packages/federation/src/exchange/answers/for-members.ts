import type { JsonObject, RoomId, ServerName } from '@starling/protocol'
import { parseRoomId } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { jsonSize } from '../wire/json-size.ts'
import { asArray } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { requireQuota } from './read-request.ts'

/** Where answers hold events or their ids. */
const LISTS = ['pdus', 'events', 'auth_chain', 'pdu_ids', 'auth_chain_ids'] as const

/**
 * A read of a room: within the asking server's ration, and not given out where the server has been removed from the room or
 * denied by its access control list while the answer was gathered.
 */
export function forMembers(parts: AnswerParts, read: Answer): Answer {
  return {
    ...read,
    async answer(request) {
      const { origin, params } = request
      requireQuota(parts.served.request(origin), 'This server has had its share of this hour.')
      const roomId = parseRoomId(params.roomId)
      const wasIn = roomId !== undefined && (await isIn(parts, origin, roomId))
      const content = await read.answer(request)
      parts.served.spend(origin, { events: eventsIn(content), bytes: jsonSize(content) })
      if (wasIn) await parts.gate.requireJoined(origin, roomId)
      return content
    },
  }
}

/** Where it is not, the read itself decides: some tell a removed server of the time when it was in. */
async function isIn(parts: AnswerParts, server: ServerName, roomId: RoomId): Promise<boolean> {
  try {
    await parts.gate.requireJoined(server, roomId)
    return true
  } catch (error) {
    if (error instanceof AnswerError) return false
    throw error
  }
}

function eventsIn(content: JsonObject): number {
  return LISTS.reduce((sum, list) => sum + (asArray(content[list])?.length ?? 0), 0)
}
