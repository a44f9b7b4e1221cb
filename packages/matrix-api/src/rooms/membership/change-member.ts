import { type JsonObject, parseUserId, type RoomId, type UserId } from '@starling/protocol'
import { z } from 'zod'
import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { Membership, MembershipChange, RoomReader } from '../../ports.ts'
import { roomIdOf } from '../call-params.ts'
import { membershipIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'

export const reasonSchema = z.object({ reason: z.string().optional() })

const targetSchema = reasonSchema.extend({ user_id: z.string() })

export interface MemberRequest {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly target: UserId
  readonly reason: string | undefined
}

/**
 * An operation of one user upon another, `POST /rooms/{roomId}/<action>` with `user_id` and `reason` in the body: invite,
 * kick, ban, unban. Whether the sender may is decided by the room's own rules, as for anybody's event. `refuse` throws
 * for bodies of another form.
 */
export function memberEndpoint(
  action: string,
  handle: (request: MemberRequest, signal: AbortSignal) => Promise<void>,
  refuse?: (body: JsonObject) => void,
) {
  return endpoint<'token'>({
    method: 'POST',
    path: `/_matrix/client/v3/rooms/{roomId}/${action}`,
    auth: 'token',
    async handle(call) {
      refuse?.(call.body)
      const body = checkInput(targetSchema, call.body)
      const target = parseUserId(body.user_id)
      if (!target) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a user id: user_id')
      await handle({ roomId: roomIdOf(call), sender: call.requester.userId, target, reason: body.reason }, call.signal)
      return {}
    },
  })
}

/** Membership of anybody in the current state; undefined where there is none. */
export async function memberOf(reader: RoomReader, roomId: RoomId, userId: UserId): Promise<Membership | undefined> {
  if ((await reader.roomVersion(roomId)) === undefined) return undefined
  const event = await reader.stateEvent(roomId, 'm.room.member', userId)
  return event && membershipIn(event)
}

/** A change of another's membership as the engine takes it; the name of whoever is invited goes with it. */
export async function changeOther(
  deps: Pick<RoomDeps, 'rooms' | 'invitees'>,
  request: MemberRequest,
  membership: Membership,
  options: { readonly signal?: AbortSignal; readonly content?: JsonObject } = {},
): Promise<void> {
  const profile = membership === 'invite' ? await deps.invitees.memberContent(request.target, request.sender) : {}
  await deps.rooms.changeMembership(
    changeOf(request, membership, { ...profile, ...options.content }),
    options.signal ? { signal: options.signal } : {},
  )
}

export function changeOf(request: MemberRequest, membership: Membership, content: JsonObject): MembershipChange {
  return {
    roomId: request.roomId,
    sender: request.sender,
    target: request.target,
    membership,
    content,
    ...(request.reason === undefined ? {} : { reason: request.reason }),
  }
}
