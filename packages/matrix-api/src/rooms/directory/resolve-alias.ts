import { type AbortOptions, type RoomAlias, type RoomId, type ServerName, serverOf } from '@starling/protocol'
import type { RoomDeps } from '../deps.ts'

export interface ResolvedAlias {
  readonly roomId: RoomId
  readonly servers: readonly ServerName[]
}

/** Where an alias leads: this server's own from its directory, others by asking theirs. Undefined where nowhere. */
export async function resolveAlias(
  deps: Pick<RoomDeps, 'directory' | 'remote' | 'serverName'>,
  alias: RoomAlias,
  options: AbortOptions = {},
): Promise<ResolvedAlias | undefined> {
  if (serverOf(alias) !== deps.serverName) return deps.remote.resolveAlias(alias, options)
  const entry = await deps.directory.alias(alias)
  return entry && { roomId: entry.roomId, servers: [deps.serverName] }
}
