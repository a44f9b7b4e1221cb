import { parseServerName } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { isNear } from '../access/shared-rooms.ts'
import type { AnswerParts } from './answer-parts.ts'
import { invalid } from './read-request.ts'

/**
 * Server-server API, "Querying Keys Through Another Server": the `server_keys` that are stored of a server. No notary's signature is
 * added: the document proves itself by the key in the server's name. Those of third servers are only for servers that share a
 * room with this one or are invited to it: who else knows whom is nobody's business.
 */
export function queryServerKeys(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/key/v2/query/{serverName}',
    async answer({ origin, params }) {
      const server = parseServerName(params.serverName) ?? invalid('The server name is malformed.')
      const own = server === parts.keys.serverName
      if (!own && !(await isNear(parts.engine, origin))) return { server_keys: [] }
      const serverKeys = own ? parts.keys.ownServerKeys() : await parts.keys.serverKeysOf(server)
      return { server_keys: serverKeys ? [serverKeys] : [] }
    },
  }
}
