import type { JsonObject, RoomId } from '@starling/protocol'
import type { RoomMembership } from '../ports.ts'
import { type RoomAccess, roomAccess } from '../rooms/access.ts'
import { clientEvent } from '../rooms/client-event.ts'
import { serialiseState, serialiseTimeline } from '../rooms/event-serialiser.ts'
import { formatPageToken } from '../rooms/position-token.ts'
import { RoomView } from '../rooms/room-view.ts'
import { accountDataEvents } from './account-data-section.ts'
import { roomAccountData, type SyncContext, sinceOf } from './context.ts'
import { readState } from './room-state.ts'
import { ofNewRoom, readTimeline } from './room-timeline.ts'

/** One room of `rooms.leave`: what the user missed of it up to leaving, and nothing after. */
export async function leftRoom(context: SyncContext, row: RoomMembership, wasKnown: boolean): Promise<JsonObject> {
  const { roomId } = row
  const access = await roomAccess(context.sources.reader, roomId, context.requester.userId)
  const filter = context.filter.roomAccountData
  const accountData = filter.matchesRoom(roomId) ? accountDataEvents(roomAccountData(context, roomId), filter) : []
  return {
    ...(access.kind === 'departed'
      ? await departedHistory(context, roomId, access, wasKnown)
      : await refusedHistory(context, row)),
    account_data: { events: accountData },
  }
}

async function departedHistory(
  context: SyncContext,
  roomId: RoomId,
  access: Extract<RoomAccess, { kind: 'departed' }>,
  wasKnown: boolean,
): Promise<JsonObject> {
  const { sources, filter, requester } = context
  const view = new RoomView(sources.reader, roomId, requester.userId, access, context)
  const upTo = Math.min(access.until, context.to)
  const after = wasKnown ? Math.min(sinceOf(context), upTo) : 0
  const window = { after, upTo, limit: filter.timeline.limit }
  const read = await readTimeline(sources.reader, view, filter.timeline, window)
  const timeline = wasKnown ? read : ofNewRoom(read)
  const { limited, start } = timeline
  const state = await readState(context, {
    roomId,
    whole: !wasKnown || context.fullState,
    timeline: timeline.events,
    stateAtEnd: () => view.state(),
    upTo,
    alsoMembers: [requester.userId],
  })
  const stateEvents = await serialiseState(sources.reader, state, context.form)
  const events = await serialiseTimeline(sources.reader, view, timeline.events, context.form, {
    relations: limited ? timeline.parents : 'none',
  })
  return {
    [context.stateKey]: { events: stateEvents.map(filter.fields) },
    timeline: { events: events.map(filter.fields), limited, prev_batch: formatPageToken(start) },
  }
}

/**
 * An invite refused, a knock withdrawn or refused: there is no more to see than the event that did it. A client that asked for
 * the state after the timeline takes no state from the timeline, so it finds the event there as well.
 */
async function refusedHistory(context: SyncContext, row: RoomMembership): Promise<JsonObject> {
  const event = await context.sources.reader.event(row.roomId, row.eventId)
  const events = event ? [context.filter.fields(clientEvent(event, context.form))] : []
  return {
    [context.stateKey]: { events: context.stateKey === 'state' ? [] : events },
    timeline: { events, limited: false, prev_batch: formatPageToken(row.position) },
  }
}
