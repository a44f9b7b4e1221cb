import type { Clock, EventId, JsonObject, Pdu } from '@starling/protocol'
import type { Requester } from '../http/endpoint.ts'
import type { RoomEvent, RoomReader } from '../ports.ts'
import { bundledRelations } from './bundled-relations.ts'
import { type ClientEventForm, clientEvent } from './client-event.ts'
import { mapConcurrent } from './map-concurrent.ts'
import type { RoomView } from './room-view.ts'

const CONCURRENCY = 8

/** How events are wanted, beyond the client's own form. */
export interface SerialiseOptions {
  /** Which events are looked up for `unsigned.m.relations`: each costs a read. */
  readonly relations: 'all' | 'none' | ReadonlySet<EventId>
}

/** The form in which a requester gets events. */
export function formFor(
  requester: Requester,
  clock: Clock,
  options: Partial<Pick<ClientEventForm, 'format' | 'withRoomId'>> = {},
): ClientEventForm {
  return {
    userId: requester.userId,
    deviceId: requester.deviceId,
    now: clock.now(),
    format: options.format ?? 'client',
    withRoomId: options.withRoomId ?? true,
  }
}

/** Timeline events in client form with everything that `unsigned` may hold. The caller has checked that they may be seen. */
export async function serialiseTimeline(
  reader: RoomReader,
  view: RoomView,
  readable: readonly RoomEvent[],
  form: ClientEventForm,
  options: SerialiseOptions,
): Promise<JsonObject[]> {
  const events = await view.asShown(readable)
  const { relations } = options
  const wantsRelations = ({ pdu }: RoomEvent) =>
    relations === 'all' || (relations !== 'none' && relations.has(pdu.eventId))
  const previous = await previousEvents(reader, view, events, form.userId)
  return mapConcurrent(events, CONCURRENCY, async (event) =>
    clientEvent(event, form, {
      previous: event.replaces && previous.get(event.replaces),
      membership: await view.membershipAt(event),
      relations: wantsRelations(event) ? await bundledRelations(reader, view, event, form) : undefined,
    }),
  )
}

/**
 * State events in client form. Of what they replaced only the user's own membership is looked up (whether a join accepted
 * an invite to a direct chat is told nowhere else), so a room of thousands stays one read.
 */
export async function serialiseState(
  reader: RoomReader,
  events: readonly RoomEvent[],
  form: ClientEventForm,
): Promise<JsonObject[]> {
  const replaced = events.find((event) => isOwnMembership(event, form.userId))?.replaces
  const previous = replaced && events[0] && (await reader.event(events[0].pdu.roomId, replaced))
  return events.map((event) =>
    clientEvent(event, form, isOwnMembership(event, form.userId) ? { previous: previous?.pdu } : {}),
  )
}

function isOwnMembership({ pdu }: RoomEvent, userId: string): boolean {
  return pdu.type === 'm.room.member' && pdu.stateKey === userId
}

/**
 * The replaced state events that the user may see. One read for all. A user's own memberships are always among them: the
 * invite that a join replaces came to the user, though it stands before the history that the room shows.
 */
async function previousEvents(
  reader: RoomReader,
  view: RoomView,
  events: readonly RoomEvent[],
  userId: string,
): Promise<ReadonlyMap<EventId, Pdu>> {
  const ids = events
    .filter((event) => event.pdu.stateKey !== undefined)
    .map((event) => event.replaces)
    .filter((id) => id !== undefined)
  if (ids.length === 0) return new Map()
  const replaced = await reader.events(view.roomId, [...new Set(ids)])
  const own = replaced.filter((event) => isOwnMembership(event, userId))
  const visible = await view.visibility.visible(replaced)
  return new Map([...own, ...visible].map(({ pdu }) => [pdu.eventId, pdu]))
}
