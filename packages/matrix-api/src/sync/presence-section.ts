import type { JsonObject, UserId } from '@starling/protocol'
import type { Position, Presence } from '../ports.ts'
import { type SyncContext, type SyncSources, sinceOf } from './context.ts'

/** `presence`: of the user and of everybody who shares a room with them (Client-Server API, "Presence"). */
export async function presenceSection(context: SyncContext): Promise<JsonObject | undefined> {
  const { sources, requester, filter, ignored, to } = context
  const window = { userId: requester.userId, ignored, since: sinceOf(context), to }
  const events = (await presenceEvents(sources, window))
    .filter((event) => filter.presence.matches(event))
    .slice(0, filter.presence.limit)
  return events.length === 0 ? undefined : { events }
}

/** `m.presence` events of those whom the user may know about. */
export async function presenceEvents(
  { ephemeral, reader, clock }: Pick<SyncSources, 'ephemeral' | 'reader' | 'clock'>,
  window: Pick<SyncContext, 'ignored' | 'to'> & { readonly userId: UserId; readonly since: Position },
) {
  const { userId, ignored, since, to } = window
  const changes = await ephemeral.presenceChanges(since, to)
  if (changes.length === 0) return []
  // Who shares a room is a dear question, and what most often changes is the user's own presence.
  const others = changes.some((change) => change.userId !== userId)
  const known = others ? await reader.sharesRoomWith(userId) : new Set<UserId>()
  return changes
    .filter((change) => (known.has(change.userId) || change.userId === userId) && !ignored.has(change.userId))
    .map((presence) => presenceEvent(presence, clock.now()))
}

function presenceEvent(presence: Presence, now: number) {
  return { type: 'm.presence', sender: presence.userId as UserId, content: presenceContent(presence, now) }
}

/** Content of `m.presence`, and the answer of `GET /presence/{userId}/status`. */
export function presenceContent(presence: Presence, now: number): JsonObject {
  return {
    presence: presence.presence,
    currently_active: presence.currentlyActive,
    ...(presence.lastActiveTs !== undefined && { last_active_ago: Math.max(0, now - presence.lastActiveTs) }),
    ...(presence.statusMsg !== undefined && { status_msg: presence.statusMsg }),
  }
}
