import { type JsonObject, parseRoomAlias, type RoomId, type ServerName } from '@starling/protocol'
import { checkInput } from '../../http/check-input.ts'
import type { RoomDeps } from '../deps.ts'
import { findRooms, publicRoomsSchema, searchOf } from './public-rooms.ts'

/** What other servers ask of this one's aliases and published rooms. Fits federation's `RoomDirectory`. */
export interface DirectoryForServers {
  resolve(alias: string): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] } | undefined>
  /** The answer to a server-server `publicRooms` request with these parameters or this body. */
  publicRooms(filter: JsonObject): Promise<JsonObject>
}

export function directoryForServers(deps: Pick<RoomDeps, 'directory' | 'reader' | 'serverName'>): DirectoryForServers {
  return {
    async resolve(text) {
      const alias = parseRoomAlias(text)
      const entry = alias && (await deps.directory.alias(alias))
      return entry && { roomId: entry.roomId, servers: [deps.serverName] }
    },
    publicRooms: async (filter) => findRooms(deps, searchOf(checkInput(publicRoomsSchema, filter))),
  }
}
