import { type RoomId, type RoomVersionRules, roomVersionRules, type UserId } from '@starling/protocol'
import { z } from 'zod'
import { checkInput } from '../../http/check-input.ts'
import { type Call, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomEvent } from '../../ports.ts'
import { notInRoom, requireJoined } from '../access.ts'
import { roomIdOf } from '../call-params.ts'
import { asUserId } from '../create/create-room-input.ts'
import type { RoomDeps } from '../deps.ts'
import { currentPower } from '../power.ts'
import { closeRoom } from './close-room.ts'
import { moveCanonicalAlias } from './move-canonical-alias.ts'
import { replacementRoom } from './replacement-room.ts'

const schema = z.object({ new_version: z.string(), additional_creators: z.array(z.string()).max(100).optional() })

/** `POST /rooms/{roomId}/upgrade` (Client-Server API, "Room Upgrades", whose steps are numbered here). */
export function upgradeRoom(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/rooms/{roomId}/upgrade',
    auth: 'token',
    rate: 'create-room',
    async handle(call) {
      const roomId = roomIdOf(call)
      const { userId } = call.requester
      const { rules, creators } = requestOf(deps, call)
      // 1
      await requireTombstonePower(deps, roomId, userId)
      const create = await deps.reader.stateEvent(roomId, 'm.room.create', '')
      if (!create) throw notInRoom()
      // 2, 3
      const newRoomId = await createReplacement(deps, roomId, create, userId, rules, creators)
      // 4
      await moveDirectoryEntries(deps, roomId, newRoomId)
      await moveCanonicalAlias(deps, roomId, newRoomId, userId)
      // 5, 6
      await closeRoom(deps, roomId, newRoomId, userId)
      await deps.carriedSettings.joined(userId, newRoomId)
      return { replacement_room: newRoomId }
    },
  })
}

function requestOf(deps: RoomDeps, call: Call): { readonly rules: RoomVersionRules; readonly creators: UserId[] } {
  const { new_version: version, additional_creators: creators = [] } = checkInput(schema, call.body)
  const rules = roomVersionRules(version)
  if (!rules || !Object.hasOwn(deps.rooms.versions, version)) {
    throw new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `Room version ${version} is not supported`)
  }
  return { rules, creators: creators.map((text) => asUserId(text, 'additional_creators')) }
}

/** Checked before anything is made, so that a refusal leaves no half-upgraded room behind. */
async function requireTombstonePower(deps: RoomDeps, roomId: RoomId, userId: UserId): Promise<void> {
  await requireJoined(deps.reader, roomId, userId)
  const power = await currentPower(deps.reader, roomId)
  if (!power || power.levels.user(userId) < power.levels.event('m.room.tombstone', true)) {
    throw new MatrixError(403, 'M_FORBIDDEN', 'You may not upgrade this room')
  }
}

async function createReplacement(
  deps: RoomDeps,
  roomId: RoomId,
  create: RoomEvent,
  userId: UserId,
  rules: RoomVersionRules,
  creators: readonly UserId[],
): Promise<RoomId> {
  const profile = await deps.profiles.memberContent(userId)
  const request = await replacementRoom(deps.reader, { roomId, create, userId, rules, creators })
  const join = { type: 'm.room.member', stateKey: userId, content: { ...profile, membership: 'join' } }
  return deps.rooms.create({ ...request, events: [join, ...request.events] })
}

async function moveDirectoryEntries(deps: RoomDeps, from: RoomId, to: RoomId): Promise<void> {
  await deps.directory.moveAliases(from, to)
  if (await deps.directory.isPublished(from)) {
    await deps.directory.setPublished(from, false)
    await deps.directory.setPublished(to, true)
  }
}
