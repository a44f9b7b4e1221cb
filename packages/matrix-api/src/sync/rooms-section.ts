import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import type { Membership, RoomMembership } from '../ports.ts'
import { stringIn } from '../rooms/content.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'
import { membershipAt, ownMemberships, stayBegan } from '../rooms/own-memberships.ts'
import { type SyncContext, sinceOf } from './context.ts'
import { invitedRoom } from './invited-room.ts'
import { joinedRoom } from './joined-room.ts'
import { leftRoom } from './left-room.ts'
import type { AccountData } from './ports.ts'

/** Rooms read at once: enough to keep the store busy, few enough that other requests get their turn. */
const CONCURRENCY = 16

type Section = 'join' | 'invite' | 'knock' | 'leave'

/** What a membership puts a room under. */
const SECTION_OF: Readonly<Record<Membership, Section>> = {
  join: 'join',
  invite: 'invite',
  knock: 'knock',
  leave: 'leave',
  ban: 'leave',
}

/** `rooms` of /sync. Undefined where no room has anything in the window. */
export async function roomsSection(context: SyncContext): Promise<JsonObject | undefined> {
  const rows = await context.sources.reader.roomsOf(context.requester.userId)
  const mayHaveNews = newsIn(context)
  const wanted = rows.filter((row) => mayHaveNews(row) && context.filter.includesRoom(row.roomId))
  const blocked =
    wanted.some((row) => row.membership === 'invite') &&
    (await invitesBlocked(context.sources.accountData, context.requester.userId))
  const entries = await mapConcurrent(wanted, CONCURRENCY, (row) => roomEntry(context, row, blocked))
  const bySection = Map.groupBy(
    entries.filter((entry) => entry !== undefined),
    (entry) => entry.section,
  )
  if (bySection.size === 0) return undefined
  return Object.fromEntries(
    [...bySection].map(([section, rooms]) => [
      section,
      Object.fromEntries(rooms.map(({ roomId, json }) => [roomId, json])),
    ]),
  )
}

/** Passes over the quiet rooms, which nearly all are at nearly every sync. */
function newsIn(context: SyncContext): (row: RoomMembership) => boolean {
  const { since, touched } = context
  if (!since || !touched || context.fullState) return () => true
  const withData = new Set(context.accountData.map((change) => change.roomId))
  return ({ roomId, position }) => touched.has(roomId) || position > since.position || withData.has(roomId)
}

interface RoomEntry {
  readonly section: Section
  readonly roomId: RoomId
  readonly json: JsonObject
}

async function roomEntry(context: SyncContext, row: RoomMembership, blocked: boolean): Promise<RoomEntry | undefined> {
  const { roomId } = row
  const membership = await membershipInWindow(context, row)
  if (membership === undefined || row.forgotten) return undefined
  const section = SECTION_OF[membership]
  if (section === 'join') {
    const json = await joinedRoom(context, roomId, await isNewlyJoined(context, row))
    return json && { section, roomId, json }
  }
  const isNews = row.position > sinceOf(context)
  if (section === 'leave') {
    const asked = context.filter.includeLeave && (context.since === undefined || context.fullState)
    if (!asked && !(isNews && context.since !== undefined)) return undefined
    const wasKnown = context.since !== undefined && !(await isNewlyJoined(context, row))
    return { section, roomId, json: await leftRoom(context, row, wasKnown) }
  }
  if (!isNews && !context.fullState) return undefined
  if (section === 'invite' && (blocked || context.ignored.has(row.sender))) return undefined
  return { section, roomId, json: await invitedRoom(context, row) }
}

/**
 * The membership at the end of the window. A change that came while this sync was being put together belongs to the next
 * one; undefined where the user had nothing to do with the room before it.
 */
async function membershipInWindow(context: SyncContext, row: RoomMembership): Promise<Membership | undefined> {
  if (row.position <= context.to) return row.membership
  const steps = await ownMemberships(context.sources.reader, row.roomId, context.requester.userId)
  const earlier = steps.some((step) => step.event.order !== undefined && step.event.order <= context.to)
  return earlier ? membershipAt(steps, context.to) : undefined
}

/** True if the client does not have the room as joined yet: an initial sync, or a join in the window that was no rename. */
async function isNewlyJoined(context: SyncContext, row: RoomMembership): Promise<boolean> {
  if (context.since === undefined) return true
  const since = context.since.position
  if (row.position <= since) return false
  const steps = await ownMemberships(context.sources.reader, row.roomId, context.requester.userId)
  const began = stayBegan(steps)
  return began !== undefined && began > since
}

/** Client-Server API, "Invite permission". */
export async function invitesBlocked(accountData: AccountData, userId: UserId): Promise<boolean> {
  const config = await accountData.get(userId, undefined, 'm.invite_permission_config')
  return stringIn(config, 'default_action') === 'block'
}
