import type { AbortOptions, EventId, RoomId, ServerName } from '@starling/protocol'
import type { CheckedPdu, KeyRing, RoomEngine, ServerRequests, Verdict } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { EventFetcher, FetchRoom } from './fetch-events.ts'
import { fetchAuthEvents } from './take-events.ts'

interface HistoryParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly requests: ServerRequests
  readonly fetcher: EventFetcher
}

/**
 * Fetches what precedes these events (the backward extremities) from the room's members (server-server API, "Backfilling"), one
 * member after the other, until `limit` new ones have come or `historyTimeout` is over. The hook of the engine's reader: never
 * rejects because of a peer.
 */
export async function fetchHistory(
  parts: HistoryParts,
  roomId: RoomId,
  fromEventIds: readonly EventId[],
  limit: number,
  options?: AbortOptions,
): Promise<void> {
  const roomVersion = await parts.engine.roomVersion(roomId)
  if (roomVersion === undefined) return
  const timeout = AbortSignal.timeout(limits.historyTimeout)
  const signal = options?.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  let from = fromEventIds
  let placed = 0
  for (const server of await historians(parts, roomId)) {
    if (signal.aborted || from.length === 0) return
    placed += await backfillFrom(parts, server, { roomId, roomVersion }, from, limit - placed, signal)
    if (placed >= limit) return
    from = await parts.engine.backwardExtremities(roomId)
  }
}

async function historians(parts: HistoryParts, roomId: RoomId): Promise<readonly ServerName[]> {
  const joined = await parts.engine.joinedServers(roomId)
  const others = [...joined].filter((server) => server !== parts.keys.serverName)
  return parts.requests.byReach(others).slice(0, limits.serversPerFetch)
}

async function backfillFrom(
  parts: HistoryParts,
  server: ServerName,
  room: FetchRoom,
  from: readonly EventId[],
  limit: number,
  signal: AbortSignal,
): Promise<number> {
  const got = await parts.fetcher.backfill(server, room, from, limit + from.length, { signal })
  // `from` itself is answered too; what has a place already comes back as a duplicate.
  const events = reachable(got, from)
  if (events.length === 0) return 0
  let verdicts = await parts.engine.receiveHistory(events)
  const lacking = verdicts.flatMap((verdict, index) => {
    const event = events[index]
    return verdict.kind === 'waiting' && verdict.missingAuth.length > 0 && event ? { event, verdict } : []
  })
  let helped = false
  for (const { event, verdict } of lacking) {
    if (signal.aborted) break
    helped = (await fetchAuthEvents(parts, server, event, verdict.missingAuth, { signal })) || helped
  }
  const first = placedOf(verdicts)
  if (!helped) return first
  verdicts = await parts.engine.receiveHistory(events)
  return first + placedOf(verdicts)
}

function placedOf(verdicts: readonly Verdict[]): number {
  return verdicts.filter((verdict) => verdict.kind === 'accepted' || verdict.kind === 'soft-failed').length
}

/** Newest first: the order in which history is laid down, and only what the missing parents lead to. */
function reachable(got: readonly CheckedPdu[], from: readonly EventId[]): CheckedPdu[] {
  const byId = new Map(got.map((one) => [one.pdu.eventId, one]))
  const found = new Map<EventId, CheckedPdu>()
  const open = [...from]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const event = byId.get(id)
    if (!event || found.has(id)) continue
    found.set(id, event)
    open.push(...event.pdu.prevEvents)
  }
  return [...found.values()].sort((a, b) => b.pdu.depth - a.pdu.depth)
}
