import type { EventId, JsonObject, JsonValue, RoomId, ServerName } from '@starling/protocol'
import { parseEventId, parseRoomId } from '@starling/protocol'
import type { Answer, Verdict } from '../../contracts.ts'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'
import { asArray, asObject } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { bodyOf, invalid } from './read-request.ts'

/**
 * Server-server API, "Transactions". PDUs of one room are taken in their order, rooms side by side; what becomes of each
 * is answered under its event id. The same transaction again gets the same answer and does nothing.
 */
export function sendTransaction(parts: AnswerParts): Answer {
  const answered = new LruMap<string, Promise<JsonObject>>(limits.transactionsRemembered)
  return {
    method: 'PUT',
    path: '/_matrix/federation/v1/send/{txnId}',
    async answer({ origin, params, content }) {
      const body = bodyOf(content)
      const { pdus, edus } = readTransaction(body, origin)
      const key = JSON.stringify([origin, params.txnId])
      const before = answered.get(key)
      if (before !== undefined) return before
      const answer = take(parts, origin, pdus, edus)
      answered.set(key, answer)
      // A transaction that failed for a reason of our own may come again.
      answer.catch(() => answered.delete(key))
      return answer
    },
  }
}

interface Transaction {
  readonly pdus: readonly JsonObject[]
  readonly edus: readonly JsonObject[]
}

function readTransaction(body: JsonObject, origin: ServerName): Transaction {
  if (body.origin !== undefined && body.origin !== origin) invalid('"origin" is not the asking server.')
  const pdus = body.pdus === undefined ? [] : asArray(body.pdus)
  const edus = body.edus === undefined ? [] : asArray(body.edus)
  if (!pdus || !edus) return invalid('"pdus" and "edus" have to be lists.')
  if (pdus.length > limits.pdusPerTransaction) invalid(`A transaction has at most ${limits.pdusPerTransaction} PDUs.`)
  if (edus.length > limits.edusPerTransaction) invalid(`A transaction has at most ${limits.edusPerTransaction} EDUs.`)
  return { pdus: objectsOf(pdus), edus: objectsOf(edus) }
}

function objectsOf(list: readonly JsonValue[]): JsonObject[] {
  return list.flatMap((one): JsonObject[] => {
    const object = asObject(one)
    return object ? [object] : []
  })
}

async function take(
  parts: AnswerParts,
  origin: ServerName,
  pdus: readonly JsonObject[],
  edus: readonly JsonObject[],
): Promise<JsonObject> {
  const byRoom = Map.groupBy(pdus, (pdu) => roomOf(pdu))
  const results: [EventId, JsonObject][] = []
  await Promise.all(
    [...byRoom].map(async ([roomId, events]) => {
      if (!roomId) {
        parts.count('transaction_pdu_refused', 'no-room')
        return
      }
      for (const json of events) {
        const verdict = await parts.incoming(json, roomId, origin)
        if (parseEventId(verdict.eventId)) results.push([verdict.eventId, resultOf(verdict)])
      }
    }),
  )
  if (edus.length > 0) await parts.edus(origin, edus)
  return { pdus: Object.fromEntries(results) }
}

/** Undefined for what names no room, a version 12 create event among it: it reaches others with a join, never alone. */
function roomOf(pdu: JsonObject): RoomId | undefined {
  return parseRoomId(pdu.room_id)
}

function resultOf(verdict: Verdict): JsonObject {
  if (verdict.kind === 'refused' || verdict.kind === 'rejected') return { error: verdict.reason }
  if (verdict.kind === 'waiting') return { error: 'The events before it are not known here yet.' }
  return {}
}
