import type { JsonObject, RoomId, ServerName } from '@starling/protocol'
import { checkInput } from '../../http/check-input.ts'
import type { Call } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { roomIdOrAliasOf, viaOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { resolveAlias } from '../directory/resolve-alias.ts'
import { changeOf, reasonSchema } from './change-member.ts'

export interface RoomToEnter {
  readonly roomId: RoomId
  /** Servers that may be asked where this one is not in the room. */
  readonly via: readonly ServerName[]
}

/** `{roomIdOrAlias}` with `via`; 404 `M_NOT_FOUND` for an alias that leads nowhere. */
export async function roomToEnter(deps: RoomDeps, call: Call): Promise<RoomToEnter> {
  const named = roomIdOrAliasOf(call)
  const via = viaOf(call)
  if ('roomId' in named) return { roomId: named.roomId, via }
  const resolved = await resolveAlias(deps, named.alias, { signal: call.signal })
  if (!resolved) throw new MatrixError(404, 'M_NOT_FOUND', 'No room has that alias')
  return { roomId: resolved.roomId, via: [...new Set([...via, ...resolved.servers])] }
}

/**
 * Joins or knocks, with the user's profile in the event. Not being let in is the engine's answer; `third_party_signed` is
 * not taken, since this server resolves no third-party ids: such a join is decided as any other.
 */
export async function enterRoom(
  deps: RoomDeps,
  call: Call,
  room: RoomToEnter,
  membership: 'join' | 'knock',
): Promise<{ readonly room_id: RoomId }> {
  const { reason } = checkInput(reasonSchema, call.body)
  const { userId } = call.requester
  const content: JsonObject = { ...(await deps.profiles.memberContent(userId)) }
  const request = { roomId: room.roomId, sender: userId, target: userId, reason }
  const change = { ...changeOf(request, membership, content), via: room.via }
  await deps.rooms.changeMembership(change, { signal: call.signal })
  if (membership === 'join') await deps.carriedSettings.joined(userId, room.roomId)
  return { room_id: room.roomId }
}
