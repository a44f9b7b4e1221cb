import type { JsonObject } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { parseInteger } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'

const PATH = '/_matrix/federation/v1/publicRooms'
/** Where this server publishes none. */
const NONE: JsonObject = { chunk: [], total_room_count_estimate: 0 }

/** Server-server API, "Published Room Directory". */
export function getPublicRooms(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: PATH,
    async answer({ query }) {
      const limit = parseInteger(query.get('limit'), 1)
      const since = query.get('since')
      const filter: JsonObject = { ...(limit === undefined ? {} : { limit }), ...(since === null ? {} : { since }) }
      return (await parts.directory?.publicRooms(filter)) ?? NONE
    },
  }
}

/** The same with a filter in the body. */
export function queryPublicRooms(parts: AnswerParts): Answer {
  return {
    method: 'POST',
    path: PATH,
    async answer({ content }) {
      return (await parts.directory?.publicRooms(content ?? {})) ?? NONE
    },
  }
}
