import {
  type PowerLevels,
  powerLevelsOf,
  type RoomId,
  type RoomVersionRules,
  roomVersionRules,
} from '@starling/protocol'
import type { RoomReader } from '../ports.ts'

/** Power levels of the current state, as the authorisation rules read them; undefined for a room that is not known. */
export async function currentPower(
  reader: RoomReader,
  roomId: RoomId,
): Promise<{ readonly levels: PowerLevels; readonly rules: RoomVersionRules } | undefined> {
  const version = await reader.roomVersion(roomId)
  const rules = version === undefined ? undefined : roomVersionRules(version)
  if (!rules) return undefined
  const [powerLevels, create] = await Promise.all([
    reader.stateEvent(roomId, 'm.room.power_levels', ''),
    reader.stateEvent(roomId, 'm.room.create', ''),
  ])
  return { rules, levels: powerLevelsOf(powerLevels?.pdu, create?.pdu, rules) }
}
