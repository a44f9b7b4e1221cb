import type { AbortOptions, JsonObject, RoomAlias, RoomId, ServerName, UserId } from '@starling/protocol'
import { parseRoomId, parseServerName, serverOf } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import { RoomError } from '../../room/room-error.ts'
import { type MediaClient, MediaUnreachableError, type RemoteMedia } from '../media/media-client.ts'
import { RequestError } from '../requests/request-error.ts'

const V1 = '/_matrix/federation/v1'
const MAX_SERVERS = 64
const TIMEOUTS = { profile: 8_000, keys: 15_000, directory: 10_000 } as const

type Question = [
  server: ServerName,
  method: 'GET' | 'POST',
  uri: string,
  body: JsonObject | undefined,
  timeoutMs: number,
  options: AbortOptions | undefined,
]

/**
 * Questions of local users' clients to other servers. Fits matrix-api's `RemoteServers`. Throws `RoomError` `unreachable` where
 * nobody answers for the server, `bad-content` where it calls the question malformed, `forbidden` where it refuses otherwise.
 */
export class RemoteServerQueries {
  readonly #requests: ServerRequests
  readonly #media: MediaClient

  constructor(requests: ServerRequests, media: MediaClient) {
    this.#requests = requests
    this.#media = media
  }

  /** Undefined where the server knows no such user. */
  profile(userId: UserId, options?: AbortOptions): Promise<JsonObject | undefined> {
    const uri = `${V1}/query/profile?${new URLSearchParams({ user_id: userId })}`
    return this.#find(serverOf(userId), 'GET', uri, undefined, TIMEOUTS.profile, options)
  }

  queryKeys(server: ServerName, body: JsonObject, options?: AbortOptions): Promise<JsonObject> {
    return this.#ask(server, 'POST', `${V1}/user/keys/query`, body, TIMEOUTS.keys, options)
  }

  claimKeys(server: ServerName, body: JsonObject, options?: AbortOptions): Promise<JsonObject> {
    return this.#ask(server, 'POST', `${V1}/user/keys/claim`, body, TIMEOUTS.keys, options)
  }

  devices(userId: UserId, options?: AbortOptions): Promise<JsonObject> {
    const uri = `${V1}/user/devices/${encodeURIComponent(userId)}`
    return this.#ask(serverOf(userId), 'GET', uri, undefined, TIMEOUTS.keys, options)
  }

  async resolveAlias(
    alias: RoomAlias,
    options?: AbortOptions,
  ): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] } | undefined> {
    const uri = `${V1}/query/directory?${new URLSearchParams({ room_alias: alias })}`
    const answer = await this.#find(serverOf(alias), 'GET', uri, undefined, TIMEOUTS.directory, options)
    const roomId = parseRoomId(answer?.room_id)
    if (!answer || !roomId) return undefined
    const servers = Array.isArray(answer.servers) ? (answer.servers as readonly unknown[]) : []
    return { roomId, servers: servers.slice(0, MAX_SERVERS).flatMap((server) => parseServerName(server) ?? []) }
  }

  publicRooms(server: ServerName, body: JsonObject, options?: AbortOptions): Promise<JsonObject> {
    return this.#ask(server, 'POST', `${V1}/publicRooms`, body, TIMEOUTS.directory, options)
  }

  /** Undefined where the server does not tell of the room. */
  hierarchy(server: ServerName, roomId: RoomId, options?: AbortOptions): Promise<JsonObject | undefined> {
    const uri = `${V1}/hierarchy/${encodeURIComponent(roomId)}`
    return this.#find(server, 'GET', uri, undefined, TIMEOUTS.directory, options)
  }

  /** Undefined where the server has no such file. */
  async media(server: ServerName, mediaId: string, options?: AbortOptions): Promise<RemoteMedia | undefined> {
    try {
      return await this.#media.open(server, mediaId, options)
    } catch (error) {
      if (!(error instanceof MediaUnreachableError)) throw error
      throw new RoomError('unreachable', 'The server that has this file could not be reached.', { cause: error })
    }
  }

  async #find(...question: Question): Promise<JsonObject | undefined> {
    try {
      return await this.#request(...question)
    } catch (error) {
      if (error instanceof RequestError && error.status === 404) return undefined
      throw asRoomError(error)
    }
  }

  async #ask(...question: Question): Promise<JsonObject> {
    try {
      return await this.#request(...question)
    } catch (error) {
      throw asRoomError(error)
    }
  }

  #request(...[server, method, uri, body, timeoutMs, options]: Question): Promise<JsonObject> {
    return this.#requests.request(server, method, uri, body, { ...options, timeoutMs })
  }
}

function asRoomError(error: unknown): unknown {
  if (!(error instanceof RequestError)) return error
  if (error.code === 'refused' && (error.status ?? 500) < 500 && error.status !== 429) {
    return new RoomError(error.status === 400 ? 'bad-content' : 'forbidden', error.message, { cause: error })
  }
  return new RoomError('unreachable', 'The other server could not be reached.', { cause: error })
}
