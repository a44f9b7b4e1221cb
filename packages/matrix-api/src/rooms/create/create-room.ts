import { type JsonObject, type RoomAlias, type RoomId, roomVersionRules, type UserId } from '@starling/protocol'
import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { CreateRoom } from '../../ports.ts'
import type { RoomDeps } from '../deps.ts'
import { mapConcurrent } from '../map-concurrent.ts'
import { changeOther } from '../membership/change-member.ts'
import { refuseBlockedInvite } from '../membership/invite-permission.ts'
import { aliasFor, type CreateRoomInput, createRoomSchema, inviteesOf, presetOf } from './create-room-input.ts'
import { creationContent } from './creation-content.ts'
import { initialEvents } from './initial-events.ts'

/** An invitee's server may take its time: others need not wait for it. */
const INVITES_AT_ONCE = 8

/**
 * `POST /createRoom`. The room with all its state is one atomic creation; invites follow, and one that fails (blocked by another
 * server, unreachable) does not undo the room. 403 `M_INVITE_BLOCKED`, and no room, where a local invitee takes no invites.
 * 400 `M_INVALID_ROOM_STATE` where the rules refuse the asked-for state.
 */
export function createRoom(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/createRoom',
    auth: 'token',
    rate: 'create-room',
    body: 'event',
    async handle(call) {
      const input = checkInput(createRoomSchema, call.body)
      const { userId } = call.requester
      const alias = aliasFor(input, deps.serverName)
      const invitees = inviteesOf(input, userId)
      const request = await requestOf(deps, input, userId, invitees, alias)
      if (alias && (await deps.directory.alias(alias))) throw aliasTaken()
      for (const invitee of invitees) await refuseBlockedInvite(deps, userId, invitee)
      const roomId = await create(deps, request)
      if (alias && !(await deps.directory.addAlias(alias, { roomId, creator: userId }))) throw aliasTaken()
      if (input.visibility === 'public') await deps.directory.setPublished(roomId, true)
      const isDirect = input.is_direct ?? false
      await mapConcurrent(invitees, INVITES_AT_ONCE, (invitee) => invite(deps, roomId, userId, invitee, isDirect))
      return { room_id: roomId }
    },
  })
}

async function requestOf(
  deps: RoomDeps,
  input: CreateRoomInput,
  creator: UserId,
  invitees: readonly UserId[],
  alias: RoomAlias | undefined,
): Promise<CreateRoom> {
  if (input.invite_3pid && input.invite_3pid.length > 0) {
    throw new MatrixError(403, 'M_THREEPID_DENIED', 'This server invites by user id only')
  }
  const roomVersion = input.room_version ?? deps.rooms.defaultVersion
  const rules = roomVersionRules(roomVersion)
  if (!rules || !Object.hasOwn(deps.rooms.versions, roomVersion)) {
    throw new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `Room version ${roomVersion} is not supported`)
  }
  const trusted = presetOf(input) === 'trusted_private_chat' ? invitees : []
  const given = (input.creation_content ?? {}) as JsonObject
  return {
    creator,
    roomVersion,
    creationContent: creationContent(given, trusted, creator, rules),
    events: [await ownJoin(deps, creator), ...initialEvents(input, creator, trusted, alias, rules)],
  }
}

/** The creator's join, which the engine would make by itself, but without a profile. */
async function ownJoin({ profiles }: RoomDeps, creator: UserId): Promise<CreateRoom['events'][number]> {
  const content = { ...(await profiles.memberContent(creator)), membership: 'join' }
  return { type: 'm.room.member', stateKey: creator, content }
}

async function create(deps: RoomDeps, request: CreateRoom): Promise<RoomId> {
  try {
    return await deps.rooms.create(request)
  } catch (error) {
    const code = error instanceof Error && error.name === 'RoomError' && 'code' in error ? error.code : undefined
    if (code !== 'forbidden' && code !== 'bad-content') throw error
    throw new MatrixError(400, 'M_INVALID_ROOM_STATE', (error as Error).message)
  }
}

async function invite(
  deps: RoomDeps,
  roomId: RoomId,
  sender: UserId,
  target: UserId,
  isDirect: boolean,
): Promise<void> {
  try {
    await refuseBlockedInvite(deps, sender, target)
    const content = isDirect ? { is_direct: true } : {}
    await changeOther(deps, { roomId, sender, target, reason: undefined }, 'invite', { content })
  } catch (error) {
    deps.logger.warn({ roomId, target, error: String(error) }, 'an invite into a new room failed')
  }
}

function aliasTaken(): MatrixError {
  return new MatrixError(400, 'M_ROOM_IN_USE', 'The alias is taken')
}
