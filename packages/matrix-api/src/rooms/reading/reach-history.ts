import type { AbortOptions, RoomId } from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../../ports.ts'

/** Events asked of other members in one go. */
const PAGE = 100

/**
 * Has history from before what is stored here fetched from other members, until `isReached` says so of a page (newest
 * first), there is no more, or `limit` events were looked at. What came is stored: the next request goes on from there.
 */
export async function reachHistory(
  reader: Pick<RoomReader, 'timeline'>,
  roomId: RoomId,
  isReached: (page: readonly RoomEvent[]) => boolean,
  options: AbortOptions & { readonly limit: number },
): Promise<void> {
  const oldest = (await reader.timeline(roomId, { direction: 'f', limit: 1 }, options)).events[0]
  let from = oldest?.order
  for (let reached = 0; from !== undefined && reached < options.limit; reached += PAGE) {
    const page = await reader.timeline(roomId, { direction: 'b', from, limit: PAGE }, options)
    if (isReached(page.events) || page.next === from) return
    from = page.next
  }
}
