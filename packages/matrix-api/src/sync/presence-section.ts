import type { JsonObject, UserId } from '@starling/protocol'
import type { Presence } from '../ports.ts'
import { type SyncContext, sinceOf } from './context.ts'

/** `presence`: of the user and of everybody who shares a room with them (Client-Server API, "Presence"). */
export async function presenceSection(context: SyncContext): Promise<JsonObject | undefined> {
  const { sources, requester, filter, ignored } = context
  const changes = await sources.ephemeral.presenceChanges(sinceOf(context), context.to)
  if (changes.length === 0) return undefined
  // Who shares a room is a dear question, and what most often changes is the user's own presence.
  const others = changes.some(({ userId }) => userId !== requester.userId)
  const known = others ? await sources.reader.sharesRoomWith(requester.userId) : new Set<UserId>()
  const events = changes
    .filter(({ userId }) => (known.has(userId) || userId === requester.userId) && !ignored.has(userId))
    .map((presence) => presenceEvent(presence, context.form.now))
    .filter((event) => filter.presence.matches(event))
    .slice(0, filter.presence.limit)
  return events.length === 0 ? undefined : { events }
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
