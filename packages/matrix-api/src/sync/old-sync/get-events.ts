import { parseRoomId, type RoomId, type UserId } from '@starling/protocol'
import { integerQuery } from '../../http/check-input.ts'
import { type Call, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { Affected, Position, RoomEvent } from '../../ports.ts'
import { roomAccess } from '../../rooms/access.ts'
import { formFor, serialiseTimeline } from '../../rooms/event-serialiser.ts'
import { mapConcurrent } from '../../rooms/map-concurrent.ts'
import { formatPageToken, pageTokenQuery } from '../../rooms/position-token.ts'
import { hiddenPeople, openRoom, RoomView } from '../../rooms/room-view.ts'
import { roomsTouched } from '../rooms-touched.ts'
import { userInterest } from '../user-interest.ts'
import type { OldSyncDeps } from './deps.ts'

const MAX_TIMEOUT_MS = 90_000
/** Events per answer; the rest comes with the next. */
const LIMIT = 100
const CONCURRENCY = 8

/** One look at the stream. */
interface Chunk {
  readonly events: readonly { readonly event: RoomEvent; readonly view: RoomView }[]
  /** Everything at or below has been given. */
  readonly end: Position
}

/**
 * `GET /events`, deprecated since r0: the events of the user's rooms, in the order in which they came, waiting for the next for
 * at most `timeout`. With `room_id` those of one room, which may be one that the user is not in but may look into; 403 where
 * they may not.
 */
export function getEvents(deps: OldSyncDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/events',
    auth: 'token',
    async handle(call) {
      const from = startOf(call, deps.positions.current())
      const roomId = roomIdOf(call)
      const timeoutMs = integerQuery(call.query, 'timeout', { min: 0, max: MAX_TIMEOUT_MS, fallback: 0 })
      const chunk = await longPoll(deps, call, { from, roomId, timeoutMs })
      const form = formFor(call.requester, deps.clock)
      return {
        start: formatPageToken(from),
        end: formatPageToken(chunk.end),
        chunk: (
          await mapConcurrent(chunk.events, CONCURRENCY, ({ event, view }) =>
            serialiseTimeline(deps.reader, view, [event], form, { relations: 'none' }),
          )
        ).flat(),
      }
    },
  })
}

function startOf(call: Call, now: Position): Position {
  const from = pageTokenQuery(call.query, 'from') ?? now
  if (from < 0 || from > now) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a token of this server: from')
  return from
}

function roomIdOf({ query }: Call): RoomId | undefined {
  if (query.room_id === undefined) return undefined
  const roomId = parseRoomId(query.room_id)
  if (!roomId) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a valid room id')
  return roomId
}

interface Stream {
  readonly from: Position
  readonly roomId: RoomId | undefined
  readonly timeoutMs: number
}

async function longPoll(deps: OldSyncDeps, call: Call, stream: Stream): Promise<Chunk> {
  const deadline = performance.now() + stream.timeoutMs
  const { userId } = call.requester
  for (;;) {
    const to = deps.positions.current()
    const views = await viewsOf(deps, userId, stream)
    const chunk = await readChunk(deps, views, stream.from, to)
    const remaining = Math.ceil(deadline - performance.now())
    if (chunk.events.length > 0 || chunk.end < to || remaining <= 0 || call.signal.aborted) return chunk
    const { roomId } = stream
    const interest = roomId
      ? (affected: Affected) => affected.rooms?.includes(roomId) ?? false
      : await userInterest(deps.reader, userId)
    const woken = await deps.positions.wait(to, interest, { timeoutMs: remaining, signal: call.signal })
    if (!woken) return chunk
  }
}

/** The rooms to look into: the one asked for, or those of the user in which something happened. */
async function viewsOf(deps: OldSyncDeps, userId: UserId, { roomId, from }: Stream): Promise<readonly RoomView[]> {
  if (roomId) return [await openRoom(deps, roomId, userId)]
  const touched = await roomsTouched(deps.positions, from)
  const people = await hiddenPeople(deps.accountData, userId)
  const rows = (await deps.reader.roomsOf(userId)).filter((row) => !row.forgotten && (touched?.has(row.roomId) ?? true))
  const views = await mapConcurrent(rows, CONCURRENCY, async (row) => {
    const access = await roomAccess(deps.reader, row.roomId, userId)
    if (access.kind !== 'joined' && access.kind !== 'departed') return []
    return [new RoomView(deps.reader, row.roomId, userId, access, people)]
  })
  return views.flat()
}

async function readChunk(
  { reader }: OldSyncDeps,
  views: readonly RoomView[],
  from: Position,
  to: Position,
): Promise<Chunk> {
  const slices = await mapConcurrent(views, CONCURRENCY, async (view) => {
    const end = Math.min(to, view.newest ?? to)
    const slice = await reader.timeline(view.roomId, { direction: 'f', from, to: end, limit: LIMIT })
    const events = (await view.shown(slice.events)).map((event) => ({ event, view, order: event.order ?? 0 }))
    return { events, readUpTo: slice.next ?? to }
  })
  // No further than every room was read, and no more than fits.
  const bound = Math.min(to, ...slices.map(({ readUpTo }) => readUpTo))
  const events = slices
    .flatMap((slice) => slice.events)
    .filter(({ order }) => order <= bound)
    .sort((left, right) => left.order - right.order)
  const given = events.slice(0, LIMIT)
  return { events: given, end: given.length < events.length ? (given.at(-1)?.order ?? bound) : bound }
}
