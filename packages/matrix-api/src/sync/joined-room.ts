import type { JsonObject, RoomId } from '@starling/protocol'
import { serialiseState, serialiseTimeline } from '../rooms/event-serialiser.ts'
import { formatPageToken } from '../rooms/position-token.ts'
import { RoomView } from '../rooms/room-view.ts'
import { accountDataEvents } from './account-data-section.ts'
import { roomAccountData, type SyncContext, sinceOf } from './context.ts'
import { once } from './once.ts'
import { roomEphemeral } from './room-ephemeral.ts'
import { readState, stateAt } from './room-state.ts'
import { type RoomSummary, roomSummary } from './room-summary.ts'
import { ofNewRoom, type RoomTimeline, readTimeline } from './room-timeline.ts'

const NO_TIMELINE: Omit<RoomTimeline, 'start'> = { events: [], limited: false, complete: false, parents: new Set() }

/**
 * One room of `rooms.join`; undefined where nothing of it changed in the window.
 * @param isNew the client does not have the room: at an initial sync, or joined since.
 */
export async function joinedRoom(
  context: SyncContext,
  roomId: RoomId,
  isNew: boolean,
): Promise<JsonObject | undefined> {
  const { sources, requester, filter } = context
  const since = sinceOf(context)
  const changed = isNew || (await sources.reader.lastChange(roomId)) > since
  const ephemeral = await roomEphemeral(context, roomId, isNew)
  const accountData = roomAccountDataEvents(context, roomId)
  if (!changed && !context.fullState && ephemeral.length === 0 && accountData.length === 0) return undefined

  const view = new RoomView(sources.reader, roomId, requester.userId, { kind: 'joined' }, context)
  const history = changed || context.fullState ? await roomHistory(context, view, isNew, changed) : undefined
  if (history?.isEmpty && !context.fullState && ephemeral.length === 0 && accountData.length === 0) return undefined
  return {
    ...(history?.json ?? emptyHistory(context)),
    ephemeral: { events: ephemeral },
    account_data: { events: accountData },
    ...(await context.memory.unread.of(view, context.to, filter.timeline.unreadThreadNotifications)),
  }
}

interface RoomHistory {
  readonly json: JsonObject
  readonly isEmpty: boolean
}

/** `timeline`, `state` and `summary`. */
async function roomHistory(
  context: SyncContext,
  view: RoomView,
  isNew: boolean,
  changed: boolean,
): Promise<RoomHistory> {
  const { sources, filter, requester, to } = context
  const { roomId } = view
  const since = sinceOf(context)
  const whole = isNew || context.fullState
  if (isNew) context.memory.sentMembers.forget(requester, roomId)
  const window = { after: isNew ? 0 : since, upTo: to, limit: filter.timeline.limit }
  const read =
    changed && filter.timeline.matchesRoom(roomId)
      ? await readTimeline(sources.reader, view, filter.timeline, window)
      : { ...NO_TIMELINE, start: window.after }
  const timeline = isNew ? ofNewRoom(read) : read
  const { limited } = timeline

  const stateAtEnd = once(() => stateAt(sources.reader, roomId, to))
  const summary =
    whole || (await membersChanged(context, roomId)) ? await summaryOf(context, roomId, await stateAtEnd()) : undefined
  const alsoMembers = [...(summary?.heroes ?? []), ...(whole ? [requester.userId] : [])]
  const query = { roomId, whole, timeline: timeline.events, stateAtEnd, upTo: to, alsoMembers }
  const state = filter.state.matchesRoom(roomId) ? await readState(context, query) : []
  const stateEvents = await serialiseState(sources.reader, state, context.form)
  const events = await serialiseTimeline(sources.reader, view, timeline.events, context.form, {
    relations: limited ? timeline.parents : 'none',
  })
  const isEmpty = !whole && !limited && events.length === 0 && state.length === 0 && !summary
  const json = {
    ...(summary && { summary: summary.summary }),
    [context.stateKey]: { events: stateEvents.map(filter.fields) },
    timeline: {
      events: events.map(filter.fields),
      limited,
      prev_batch: formatPageToken(timeline.start),
    },
  }
  return { json, isEmpty }
}

function summaryOf(
  { sources, requester }: SyncContext,
  roomId: RoomId,
  state: Awaited<ReturnType<typeof stateAt>>,
): Promise<RoomSummary> {
  return roomSummary(sources.reader, roomId, requester.userId, state)
}

async function membersChanged(context: SyncContext, roomId: RoomId): Promise<boolean> {
  const changes = await context.sources.reader.stateChanges(roomId, sinceOf(context), context.to)
  return changes.some(({ slot }) => slot.startsWith('13:m.room.member'))
}

function emptyHistory(context: SyncContext): JsonObject {
  return {
    [context.stateKey]: { events: [] },
    timeline: { events: [], limited: false, prev_batch: formatPageToken(sinceOf(context)) },
  }
}

function roomAccountDataEvents(context: SyncContext, roomId: RoomId): JsonObject[] {
  const filter = context.filter.roomAccountData
  return filter.matchesRoom(roomId) ? accountDataEvents(roomAccountData(context, roomId), filter) : []
}
