import type { JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import { mustStayWhole, redact, roomVersionRules, serverOf, stateSlot } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import type { LocalUsers } from '../../ports.ts'
import { storedEvent } from './state-events.ts'

/** Which memberships see an event under the `history_visibility` in force at it; a server sees what one of its users may. */
const NEEDS: Readonly<Record<string, ReadonlySet<string>>> = {
  invited: new Set(['join', 'invite']),
  joined: new Set(['join']),
}

const VISIBILITY = stateSlot('m.room.history_visibility', '')

type ErasedUsers = Pick<LocalUsers, 'hasErased'>
type HistoryEngine = Pick<RoomEngine, 'stateBeforeSlots' | 'isServerMemberAt' | 'events' | 'roomVersion'>

/**
 * The event's JSON for a server that is joined now: as it is, or redacted where no user of that server was there to see
 * it (Client-Server API, "Room History Visibility"), or where the server came after it and its sender had their content erased
 * (`POST /account/deactivate`). Redacted it keeps its place in the DAG and its valid signature. Costs
 * some slots of the state, never the whole.
 */
export async function forServer(
  engine: HistoryEngine,
  roomId: RoomId,
  event: Pdu,
  server: ServerName,
  users: ErasedUsers,
): Promise<JsonObject> {
  if (await isVisible(engine, roomId, event, server, users)) return event.json
  const version = await engine.roomVersion(roomId)
  const rules = version === undefined ? undefined : roomVersionRules(version)
  return rules && !mustStayWhole(event, rules) ? redact(event.json, rules) : event.json
}

async function isVisible(
  engine: HistoryEngine,
  roomId: RoomId,
  event: Pdu,
  server: ServerName,
  users: ErasedUsers,
): Promise<boolean> {
  // Room state is given to members whole by `state` anyway, and who redacted it would break the state of who asks.
  if (event.stateKey !== undefined || serverOf(event.sender) === server) return true
  const slots = await engine.stateBeforeSlots(roomId, event.eventId, [VISIBILITY])
  const visibilityId = slots?.get(VISIBILITY)
  const visibility = visibilityId && (await storedEvent(engine, visibilityId))?.content.history_visibility
  const needed = (await users.hasErased(event.sender)) ? NEEDS.joined : NEEDS[String(visibility)]
  // `shared` is the default, and what is not understood counts as it.
  return needed === undefined || engine.isServerMemberAt(roomId, event.eventId, server, needed)
}
