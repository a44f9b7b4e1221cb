import type { JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import { forServer } from '../access/history-for-server.ts'
import { limits } from '../limits.ts'
import type { AnswerParts } from './answer-parts.ts'

/** Events for a server that is in the room: what it may see of each, cut off at the answer's bound, with keys. */
export async function giveEvents(
  parts: AnswerParts,
  roomId: RoomId,
  events: readonly Pdu[],
  server: ServerName,
): Promise<JsonObject[]> {
  const given: JsonObject[] = []
  let chars = 0
  for (const event of events) {
    const json = await forServer(parts.engine, roomId, event, server, parts.users)
    chars += JSON.stringify(json).length
    if (given.length > 0 && chars > limits.charsPerAnswer) break
    given.push(json)
  }
  return parts.carrier.pack(given)
}

/** A transaction as `backfill` and `event` answer it. */
export function transactionOf(parts: AnswerParts, pdus: readonly JsonObject[]): JsonObject {
  return { origin: parts.keys.serverName, origin_server_ts: parts.clock.now(), pdus }
}
