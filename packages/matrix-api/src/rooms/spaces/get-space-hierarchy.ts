import { randomUUID } from 'node:crypto'
import { integerQuery } from '../../http/check-input.ts'
import { type Call, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { ExpiringMap } from '../../store/expiring-map.ts'
import { booleanQuery, roomIdOf, viaOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { type SpaceWalk, walkSpace } from './walk-space.ts'

const LIMIT = { min: 1, max: 100, fallback: 50 } as const
const DEPTH = { min: 0, max: 50, fallback: 50 } as const
/** Walks between two pages; the oldest are forgotten first. */
const WALKS = { lifeMs: 10 * 60_000, limit: 200 } as const

interface OpenWalk {
  readonly walk: SpaceWalk
  readonly roomId: string
  readonly userId: string
}

/** `GET /rooms/{roomId}/hierarchy` (Client-Server API, "Spaces"). */
export function getSpaceHierarchy(deps: Pick<RoomDeps, 'outlines' | 'clock'>) {
  const walks = new ExpiringMap<OpenWalk>(deps.clock, WALKS)
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v1/rooms/{roomId}/hierarchy',
    aliases: ['/_matrix/client/unstable/org.matrix.msc2946/rooms/{roomId}/hierarchy'],
    auth: 'token',
    rate: 'search',
    async handle(call) {
      const roomId = roomIdOf(call)
      const { userId } = call.requester
      const limit = integerQuery(call.query, 'limit', LIMIT)
      const first = call.query.from === undefined
      const walk = first ? newWalk(call) : continued(walks, call)
      const page = await walkSpace(deps.outlines, walk, userId, limit, { signal: call.signal })
      if (first && page.rooms.length === 0) {
        throw new MatrixError(403, 'M_FORBIDDEN', 'There is no such room, or you are not allowed to see it.')
      }
      if (!page.next) return { rooms: page.rooms }
      const token = randomUUID()
      walks.set(token, { walk: page.next, roomId, userId })
      return { rooms: page.rooms, next_batch: token }
    },
  })
}

function newWalk(call: Call): SpaceWalk {
  const ahead = [{ roomId: roomIdOf(call), via: viaOf(call), depth: 0 }]
  return { ...shapeOf(call), ahead, seen: new Set() }
}

function continued(walks: ExpiringMap<OpenWalk>, call: Call): SpaceWalk {
  const open = walks.get(call.query.from ?? '')
  if (!open || open.roomId !== call.params.roomId || open.userId !== call.requester.userId) {
    throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a token of this server, or too old: from')
  }
  const { suggestedOnly, maxDepth } = shapeOf(call)
  if (open.walk.suggestedOnly !== suggestedOnly || open.walk.maxDepth !== maxDepth) {
    throw new MatrixError(400, 'M_INVALID_PARAM', 'suggested_only and max_depth must stay the same from page to page')
  }
  return open.walk
}

function shapeOf(call: Call): Pick<SpaceWalk, 'suggestedOnly' | 'maxDepth'> {
  return {
    suggestedOnly: booleanQuery(call.query, 'suggested_only'),
    maxDepth: integerQuery(call.query, 'max_depth', DEPTH),
  }
}
