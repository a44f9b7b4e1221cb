import { type JsonObject, parseRoomAlias, type RoomId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import { arrayIn, stringIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'
import { resolveAlias } from '../directory/resolve-alias.ts'

/** Aliases newly listed at most; each may mean asking another server. */
const MAX_NEW = 20

/**
 * Checks aliases that a new `m.room.canonical_alias` lists for the first time (`PUT /rooms/{roomId}/state/…`): 400
 * `M_INVALID_PARAM` for what is no alias, 400 `M_BAD_ALIAS` for one that does not lead to this room.
 */
export async function checkCanonicalAlias(
  deps: Pick<RoomDeps, 'reader' | 'directory' | 'remote' | 'serverName'>,
  roomId: RoomId,
  content: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const current = await deps.reader.stateEvent(roomId, 'm.room.canonical_alias', '')
  const known = new Set(aliasesIn(current?.pdu.content ?? {}))
  const added = [...new Set(aliasesIn(content))].filter((alias) => !known.has(alias))
  if (added.length > MAX_NEW) throw new MatrixError(400, 'M_INVALID_PARAM', `More than ${MAX_NEW} new aliases`)
  for (const text of added) {
    const alias = parseRoomAlias(text)
    if (!alias) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a room alias')
    const resolved = await resolveAlias(deps, alias, { signal })
    if (resolved?.roomId !== roomId) {
      throw new MatrixError(400, 'M_BAD_ALIAS', `The alias does not lead to this room: ${alias}`)
    }
  }
}

/** `alias` and `alt_aliases`; 400 where they are of another type. */
function aliasesIn(content: JsonObject): string[] {
  const aliases: string[] = []
  const alias = stringIn(content, 'alias')
  // An empty alias is a way of having none.
  if (alias) aliases.push(alias)
  else if (content.alias !== undefined && content.alias !== null && content.alias !== '') throw badType('alias')
  const others = arrayIn(content, 'alt_aliases')
  if (!others && content.alt_aliases !== undefined && content.alt_aliases !== null) throw badType('alt_aliases')
  for (const other of others ?? []) {
    if (typeof other !== 'string') throw badType('alt_aliases')
    aliases.push(other)
  }
  return aliases
}

function badType(name: string): MatrixError {
  return new MatrixError(400, 'M_BAD_JSON', `Wrong type: ${name}`)
}
