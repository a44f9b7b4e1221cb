import type { AbortOptions, EventId, ServerName } from '@starling/protocol'
import type { CheckedPdu, RoomEngine, Verdict } from '../../contracts.ts'
import { inOrderOf } from '../dag-order.ts'
import { limits } from '../limits.ts'
import type { EventFetcher, FetchRoom } from './fetch-events.ts'

interface TakeParts {
  readonly engine: RoomEngine
  readonly fetcher: EventFetcher
  /** `RoomEngine.receive`, and then what waited for the event. */
  receive(checked: CheckedPdu, publish: boolean): Promise<Verdict>
}

/** Receives an event; missing auth events (not parents) are fetched from that server first. */
export async function receiveWithAuth(
  parts: TakeParts,
  server: ServerName,
  checked: CheckedPdu,
  options?: AbortOptions & { readonly publish?: boolean },
): Promise<Verdict> {
  const publish = options?.publish ?? false
  const verdict = await parts.receive(checked, publish)
  if (verdict.kind !== 'waiting' || verdict.missingAuth.length === 0) return verdict
  const landed = await fetchAuthEvents(parts, server, checked, verdict.missingAuth, options)
  return landed ? parts.receive(checked, publish) : verdict
}

/**
 * Fetches the auth events that an event lacks and keeps them as outliers, by `event_auth` and, for what that does not bring (the
 * server has not taken the event itself), one by one. False where nothing came.
 */
export async function fetchAuthEvents(
  parts: Pick<TakeParts, 'engine' | 'fetcher'>,
  server: ServerName,
  { pdu, roomVersion }: CheckedPdu,
  missing: readonly EventId[],
  options?: AbortOptions,
): Promise<boolean> {
  const room: FetchRoom = { roomId: pdu.roomId, roomVersion }
  const chain = await parts.fetcher.authChain(server, room, pdu.eventId, options)
  const found = new Map(chain.map((one) => [one.pdu.eventId, one]))
  await fetchSingly(parts, server, room, missing, found, options)
  const wanted = closureOf(missing, found)
  if (wanted.length === 0) return false
  await parts.engine.receiveOutliers(inOrderOf(wanted, 'authEvents'))
  return true
}

async function fetchSingly(
  parts: Pick<TakeParts, 'engine' | 'fetcher'>,
  server: ServerName,
  room: FetchRoom,
  missing: readonly EventId[],
  found: Map<EventId, CheckedPdu>,
  options?: AbortOptions,
): Promise<void> {
  const tried = new Set<EventId>()
  let open = missing.filter((id) => !found.has(id))
  while (open.length > 0 && tried.size < limits.authEventsPerFetch) {
    const next: EventId[] = []
    for (const id of open.slice(0, limits.authEventsPerFetch - tried.size)) {
      tried.add(id)
      const event = await parts.fetcher.event(server, room, id, options)
      // One that is not had will not be had by asking for its siblings: the chain stays broken.
      if (!event) return
      found.set(id, event)
      next.push(...event.pdu.authEvents)
    }
    const unknown = [...new Set(next)].filter((id) => !found.has(id) && !tried.has(id))
    const stored = await parts.engine.events(unknown)
    open = unknown.filter((id) => !stored.has(id))
  }
}

/** Of what was found, the events that `ids` lead to by auth events: a server may not slip in others. */
function closureOf(ids: readonly EventId[], found: ReadonlyMap<EventId, CheckedPdu>): CheckedPdu[] {
  const wanted = new Map<EventId, CheckedPdu>()
  const open = [...ids]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const event = found.get(id)
    if (!event || wanted.has(id)) continue
    wanted.set(id, event)
    open.push(...event.pdu.authEvents)
  }
  return [...wanted.values()]
}
