import type { JsonObject } from '../json/value.ts'
import type { Pdu } from './pdu.ts'

/** State that tells an invited or knocking user about a room. Client-server API, "Stripped state". */
export const STRIPPED_STATE_TYPES: readonly string[] = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
]

/** The four fields of a stripped state event: `sender`, `type`, `state_key`, `content`. */
export function strippedState(pdu: Pdu): JsonObject {
  return { type: pdu.type, state_key: pdu.stateKey ?? '', sender: pdu.sender, content: pdu.content }
}
