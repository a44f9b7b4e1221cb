import { parseRoomAlias, type RoomId, type UserId } from '@starling/protocol'
import { arrayIn, stringIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'
import { currentPower } from '../power.ts'

const TYPE = 'm.room.canonical_alias'

/**
 * The aliases that moved stand in the new room as they stood in the old one ("Room Upgrades", step 4): left behind, they would name
 * the old room and lead to the new one. Those of other servers still lead to the old room, and stay there.
 */
export async function moveCanonicalAlias(deps: RoomDeps, from: RoomId, to: RoomId, userId: UserId): Promise<void> {
  const old = (await deps.reader.stateEvent(from, TYPE, ''))?.pdu.content
  const named = [stringIn(old, 'alias'), ...(arrayIn(old, 'alt_aliases') ?? [])]
  const moved = new Set<unknown>()
  for (const name of named) {
    const alias = parseRoomAlias(name)
    if (alias && (await deps.directory.alias(alias))?.roomId === to) moved.add(name)
  }
  if (moved.size === 0) return
  const part = (isWanted: (name: unknown) => boolean) => {
    const [alias, alternatives] = [stringIn(old, 'alias'), (arrayIn(old, 'alt_aliases') ?? []).filter(isWanted)]
    return {
      ...(alias !== undefined && isWanted(alias) && { alias }),
      ...(alternatives.length > 0 && { alt_aliases: alternatives }),
    }
  }
  const event = { sender: userId, type: TYPE, stateKey: '' }
  await deps.rooms.send({ ...event, roomId: to, content: part((name) => moved.has(name)) })
  const power = await currentPower(deps.reader, from)
  if (!power || power.levels.user(userId) < power.levels.event(TYPE, true)) return
  await deps.rooms.send({ ...event, roomId: from, content: part((name) => !moved.has(name)) })
}
