import type { RoomId, UserId } from '@starling/protocol'
import { roomAccess } from '../rooms/access.ts'
import type { ReadDeps } from '../rooms/deps.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'
import { hiddenPeople, RoomView } from '../rooms/room-view.ts'
import type { SearchIndex } from './search-index.ts'
import type { SearchRequest } from './search-input.ts'

/** A room in which a user may search. */
export interface RoomScope {
  readonly roomId: RoomId
  readonly view: RoomView
  /** The newest place in its timeline that the user may read. */
  readonly upTo: number
}

const CONCURRENCY = 16

/**
 * The rooms that a search looks through, by their number in the index: those that the user is or was in and has not forgotten,
 * as far as the filter has them.
 */
export async function roomScopes(
  deps: ReadDeps & { readonly index: SearchIndex },
  userId: UserId,
  filter: SearchRequest['filter'],
): Promise<ReadonlyMap<number, RoomScope>> {
  const rows = (await deps.reader.roomsOf(userId)).filter(({ roomId }) => filter.matchesRoom(roomId))
  const people = await hiddenPeople(deps.accountData, userId)
  const scopes = await mapConcurrent(rows, CONCURRENCY, async ({ roomId, membership }) => {
    const span = membership === 'invite' || membership === 'knock' ? undefined : await deps.index.span(roomId)
    if (!span) return undefined
    const access = membership === 'join' ? ({ kind: 'joined' } as const) : await roomAccess(deps.reader, roomId, userId)
    if (access.kind !== 'joined' && access.kind !== 'departed') return undefined
    const view = new RoomView(deps.reader, roomId, userId, access, people)
    return [span.number, { roomId, view, upTo: view.newest ?? Number.POSITIVE_INFINITY }] as const
  })
  return new Map(scopes.filter((scope) => scope !== undefined))
}
