import { type JsonObject, parseServerName, type RoomId } from '@starling/protocol'
import { z } from 'zod'
import { checkInput, integerQuery } from '../../http/check-input.ts'
import { type Call, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { stringIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'
import { mapConcurrent } from '../map-concurrent.ts'
import { describeRoom } from './room-description.ts'

const PATH = '/_matrix/client/v3/publicRooms'
const LIMIT = { min: 1, max: 500, fallback: 100 } as const
const CONCURRENCY = 8

/** Body of `POST /publicRooms`, also between servers. */
export const publicRoomsSchema = z.object({
  limit: z.number().int().optional(),
  since: z.string().optional(),
  filter: z
    .object({
      generic_search_term: z.string().max(500).optional(),
      room_types: z.array(z.string().nullable()).max(100).optional(),
    })
    .optional(),
})

export interface Search {
  readonly limit: number
  readonly since: string | undefined
  readonly term: string | undefined
  readonly roomTypes: readonly (string | null)[] | undefined
}

type Deps = Pick<RoomDeps, 'directory' | 'reader' | 'remote' | 'serverName'>

/** `GET /publicRooms`. Own rooms for anybody; other servers are asked for users only. */
export function getPublicRooms(deps: Deps) {
  return endpoint<'none'>({
    method: 'GET',
    path: PATH,
    auth: 'none',
    // Anybody's, and each reads the whole directory.
    rate: 'search',
    async handle(call) {
      const limit = integerQuery(call.query, 'limit', LIMIT)
      const search = { limit, since: call.query.since, term: undefined, roomTypes: undefined }
      const elsewhere = otherServer(deps, call)
      if (elsewhere === undefined) return findRooms(deps, search)
      if (!call.requester) throw new MatrixError(401, 'M_MISSING_TOKEN', 'Other servers are asked for users only')
      const body = { limit, ...(search.since === undefined ? {} : { since: search.since }) }
      return deps.remote.publicRooms(elsewhere, body, { signal: call.signal })
    },
  })
}

/** `POST /publicRooms`: with a search term and room types. */
export function queryPublicRooms(deps: Deps) {
  return endpoint<'token'>({
    method: 'POST',
    path: PATH,
    auth: 'token',
    rate: 'search',
    async handle(call) {
      const input = checkInput(publicRoomsSchema, call.body)
      const elsewhere = otherServer(deps, call)
      if (elsewhere !== undefined) return deps.remote.publicRooms(elsewhere, call.body, { signal: call.signal })
      return findRooms(deps, searchOf(input))
    },
  })
}

export function searchOf({ limit, since, filter }: z.output<typeof publicRoomsSchema>): Search {
  return {
    limit: Math.min(LIMIT.max, Math.max(LIMIT.min, limit ?? LIMIT.fallback)),
    since,
    term: filter?.generic_search_term?.toLowerCase(),
    roomTypes: filter?.room_types,
  }
}

function otherServer(deps: Deps, call: Pick<Call, 'query'>) {
  const named = call.query.server
  if (named === undefined || named === '' || named === deps.serverName) return undefined
  const server = parseServerName(named)
  if (!server) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a server name: server')
  return server
}

/** Published rooms that fit, largest first; a page token is the number of rooms before it. */
export async function findRooms(deps: Pick<Deps, 'directory' | 'reader'>, search: Search): Promise<JsonObject> {
  const start = offsetOf(search.since)
  const rooms = await mapConcurrent(await deps.directory.publishedRooms(), CONCURRENCY, (roomId: RoomId) =>
    describeRoom(deps.reader, roomId),
  )
  const chunks = rooms
    .flatMap((room) => (room ? [room.chunk] : []))
    .filter((chunk) => fits(chunk, search))
    .sort((a, b) => Number(b.num_joined_members) - Number(a.num_joined_members))
  const end = start + search.limit
  return {
    chunk: chunks.slice(start, end),
    total_room_count_estimate: chunks.length,
    ...(end < chunks.length && { next_batch: `p${end}` }),
    ...(start > 0 && { prev_batch: `p${Math.max(0, start - search.limit)}` }),
  }
}

function fits(chunk: JsonObject, { term, roomTypes }: Search): boolean {
  if (roomTypes && !roomTypes.includes(stringIn(chunk, 'room_type') ?? null)) return false
  if (!term) return true
  return ['name', 'topic', 'canonical_alias'].some((key) => stringIn(chunk, key)?.toLowerCase().includes(term))
}

function offsetOf(since: string | undefined): number {
  if (since === undefined || since === '') return 0
  const match = /^p(\d{1,9})$/.exec(since)
  if (!match) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a token of this server: since')
  return Number(match[1])
}
