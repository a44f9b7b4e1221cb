import { parseRoomAlias, serverOf } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import type { AnswerParts } from './answer-parts.ts'
import { invalid, notFound } from './read-request.ts'

/** Server-server API, "Querying for information": the room behind an alias of this server. */
export function queryDirectory(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/query/directory',
    async answer({ query }) {
      const alias = parseRoomAlias(query.get('room_alias')) ?? invalid('"room_alias" is missing or malformed.')
      if (serverOf(alias) !== parts.keys.serverName) return notFound('The alias is not of this server.')
      const room = (await parts.directory?.resolve(alias)) ?? notFound('Room alias not found.')
      return { room_id: room.roomId, servers: room.servers }
    },
  }
}
