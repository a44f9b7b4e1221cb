import type { RoomId, RoomVersionRules, UserId } from '@starling/protocol'
import type { CreateRoom, RoomEvent, RoomReader } from '../../ports.ts'
import { creationContent } from '../create/creation-content.ts'
import { transferredBans } from './transferred-bans.ts'
import { rulesOfRoom, TRANSFERRED } from './transferred-state.ts'

export interface Upgrade {
  readonly roomId: RoomId
  readonly create: RoomEvent
  readonly userId: UserId
  readonly rules: RoomVersionRules
  readonly creators: readonly UserId[]
}

/** The room that replaces another: its `predecessor`, its type, and the bans and the state that go with it. */
export async function replacementRoom(reader: RoomReader, upgrade: Upgrade): Promise<CreateRoom> {
  const { roomId, create, userId, rules, creators } = upgrade
  const { type, 'm.federate': federate } = create.pdu.content
  const given = {
    ...(type !== undefined && { type }),
    ...(federate !== undefined && { 'm.federate': federate }),
    predecessor: { room_id: roomId, ...(await lastKnownEvent(reader, roomId, rules)) },
  }
  const move = { from: rulesOfRoom(create, rules), to: rules, userId, creators }
  const events = await transferredBans(reader, roomId, creators)
  for (const [stateType, transfer] of TRANSFERRED) {
    const event = await reader.stateEvent(roomId, stateType, '')
    if (!event || event.redactedBecause) continue
    events.push({ type: stateType, stateKey: '', content: transfer(event.pdu.content, move) })
  }
  return {
    creator: userId,
    roomVersion: rules.version,
    creationContent: creationContent(given, creators, userId, rules),
    events,
  }
}

/**
 * `event_id` of the predecessor: asked for up to room version 11, and left out from 12 on, where the tombstone can only be sent
 * once the new room's create event, and with it its id, is there.
 */
async function lastKnownEvent(
  reader: RoomReader,
  roomId: RoomId,
  rules: RoomVersionRules,
): Promise<{ readonly event_id?: string }> {
  if (rules.roomId === 'hash') return {}
  const { events } = await reader.timeline(roomId, { direction: 'b', limit: 1 })
  return events[0] === undefined ? {} : { event_id: events[0].pdu.eventId }
}
