import type { JsonObject, StateMap } from '@starling/protocol'
import { eventMatcher } from '../filters/event-matcher.ts'
import type { Position } from '../ports.ts'
import { roomAccess } from '../rooms/access.ts'
import { serialiseTimeline } from '../rooms/event-serialiser.ts'
import { formatPageToken } from '../rooms/position-token.ts'
import { RoomView } from '../rooms/room-view.ts'
import { once } from '../sync/once.ts'
import { stateAt } from '../sync/room-state.ts'
import { ofNewRoom, type RoomTimeline, readTimeline } from '../sync/room-timeline.ts'
import type { WantedRoom } from './list-windows.ts'
import { requiredState } from './required-state-section.ts'
import { tellings } from './room-tellings.ts'
import type { SentRoom } from './sent-room.ts'
import type { SlidingContext } from './sliding-context.ts'

const EVERY_EVENT = eventMatcher(undefined)

/** What is said of a room, if anything, and what the client has of it then. */
export interface RoomOutcome {
  readonly json: JsonObject | undefined
  readonly sent: SentRoom
}

/** Why a room that the client already has is looked at again. */
export interface Occasion {
  /** The client has nothing of it, or has it in another form: everything is sent. */
  readonly whole: boolean
  /** Lower end of what it lacks. */
  readonly from: Position
  /** Events or state came after `from`. */
  readonly changed: boolean
  /** More state is wanted than before. */
  readonly grown: boolean
  /** More of the timeline is wanted than the client has. */
  readonly expanded: boolean
}

/** A room that the user is in, or was in until they left it; then nothing after that is read. */
export async function memberUpdate(
  context: SlidingContext,
  wanted: WantedRoom,
  before: SentRoom | undefined,
  occasion: Occasion,
): Promise<RoomOutcome | undefined> {
  const { sources, requester } = context
  const { roomId } = wanted.room.row
  const access = await roomAccess(sources.reader, roomId, requester.userId)
  if (access.kind !== 'joined' && access.kind !== 'departed') return undefined
  const view = new RoomView(sources.reader, roomId, requester.userId, access, context)
  const end = access.kind === 'departed' ? Math.min(access.until, context.to) : context.to
  const stateAtEnd = once(() => (access.kind === 'departed' ? view.state() : stateAt(sources.reader, roomId, end)))
  const room = { view, wanted, before, occasion, end, stateAtEnd }

  const timeline = await timelineOf(context, room)
  const state = await requiredState(context, room, timeline)
  const told = await tellings(context, room, state)
  const events = await timelineJson(context, room, timeline)
  const says = occasion.whole || events !== undefined || state.json.length > 0 || Object.keys(told.json).length > 0
  return {
    sent: {
      upTo: 'live',
      form: access.kind,
      config: wanted.config,
      timelineLength: timelineLength(room, timeline),
      members: state.members,
      told: told.told,
    },
    json: says
      ? {
          ...(occasion.whole && { initial: true }),
          ...told.json,
          ...(state.json.length > 0 && { required_state: state.json }),
          ...events,
        }
      : undefined,
  }
}

/** The room that an update is made of. */
export interface UpdatedRoom {
  readonly view: RoomView
  readonly wanted: WantedRoom
  readonly before: SentRoom | undefined
  readonly occasion: Occasion
  /** Upper end: now, or when the user left. */
  readonly end: Position
  readonly stateAtEnd: () => Promise<StateMap>
}

async function timelineOf(context: SlidingContext, room: UpdatedRoom): Promise<RoomTimeline | undefined> {
  const { occasion, view, wanted, end } = room
  const fromStart = occasion.whole || occasion.expanded
  if (!fromStart && !occasion.changed) return undefined
  const window = { after: fromStart ? 0 : Math.min(occasion.from, end), upTo: end, limit: wanted.config.timelineLimit }
  const timeline = await readTimeline(context.sources.reader, view, EVERY_EVENT, window)
  return fromStart ? ofNewRoom(timeline) : timeline
}

async function timelineJson(
  context: SlidingContext,
  { view, occasion }: UpdatedRoom,
  timeline: RoomTimeline | undefined,
): Promise<JsonObject | undefined> {
  if (!timeline || (timeline.events.length === 0 && !timeline.limited)) return undefined
  const { events, limited, parents } = timeline
  const { since, isFirst } = context.draft
  const relations = limited ? parents : 'none'
  return {
    timeline: await serialiseTimeline(context.sources.reader, view, events, context.form, { relations }),
    prev_batch: formatPageToken(timeline.start),
    limited,
    num_live: isFirst ? 0 : events.filter(({ order }) => order !== undefined && order > since).length,
    ...(occasion.expanded && { unstable_expanded_timeline: true }),
  }
}

/** How many of the newest events the client has now, without a gap. */
function timelineLength({ before, occasion }: UpdatedRoom, timeline: RoomTimeline | undefined): number {
  if (!timeline) return before?.timelineLength ?? 0
  if (timeline.limited) return timeline.events.length
  if (occasion.whole || occasion.expanded) return Number.POSITIVE_INFINITY
  return (before?.timelineLength ?? 0) + timeline.events.length
}
