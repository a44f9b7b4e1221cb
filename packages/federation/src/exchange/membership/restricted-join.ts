import type { Pdu, RoomId, ServerName, UserId } from '@starling/protocol'
import { parseRoomId, parseUserId, roomVersionRules, serverOf, slotKey } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { RoomError } from '../../room/room-error.ts'
import { currentStateEvent, eventIn, membershipIn, membershipOf } from '../access/state-events.ts'
import { asArray, asObject } from '../wire/read-json.ts'

/** Whether a user may join a restricted room without an invite, as far as this server can tell. */
export type RestrictedJoin =
  /** The room is not restricted, or the user is invited or joined. */
  | { readonly kind: 'not-needed' }
  | { readonly kind: 'authorised'; readonly by: UserId }
  /** None of the rooms that the conditions name is known here. */
  | { readonly kind: 'cannot-tell' }
  /** A condition holds, but no user of this server may invite. */
  | { readonly kind: 'cannot-grant' }
  | { readonly kind: 'fails' }

/** Conditions and own members that are looked at. */
const MAX_CONDITIONS = 64
const MAX_AUTHORISERS = 64

/** Client-Server API, "Restricted rooms"; server-server API, section of the same name. */
export async function judgeRestrictedJoin(
  engine: RoomEngine,
  ownServer: ServerName,
  roomId: RoomId,
  userId: UserId,
): Promise<RestrictedJoin> {
  const version = await engine.roomVersion(roomId)
  const rules = version === undefined ? undefined : roomVersionRules(version)
  const state = await engine.currentState(roomId)
  const joinRules = await eventIn(engine, state, 'm.room.join_rules')
  if (!rules?.auth.restrictedRules.has(String(joinRules?.content.join_rule))) return { kind: 'not-needed' }
  const membership = await membershipIn(engine, state, userId)
  if (membership === 'invite' || membership === 'join') return { kind: 'not-needed' }
  const condition = await judgeConditions(engine, ownServer, joinRules, userId)
  if (condition !== 'holds') return { kind: condition }
  const by = await findAuthoriser(engine, ownServer, roomId, userId)
  return by ? { kind: 'authorised', by } : { kind: 'cannot-grant' }
}

async function judgeConditions(
  engine: RoomEngine,
  ownServer: ServerName,
  joinRules: Pdu | undefined,
  userId: UserId,
): Promise<'holds' | 'fails' | 'cannot-tell'> {
  const conditions = asArray(joinRules?.content.allow) ?? []
  const rooms = conditions.slice(0, MAX_CONDITIONS).flatMap((entry) => {
    const condition = asObject(entry)
    return condition?.type === 'm.room_membership' ? (parseRoomId(condition.room_id) ?? []) : []
  })
  // No condition that could be met: failed, not unknown (server-server API, "Restricted rooms").
  let known = rooms.length === 0
  for (const room of rooms) {
    if ((await engine.roomVersion(room)) === undefined || !engine.isServerJoined(room, ownServer)) continue
    known = true
    const member = await currentStateEvent(engine, room, 'm.room.member', userId)
    if (membershipOf(member?.content) === 'join') return 'holds'
  }
  return known ? 'fails' : 'cannot-tell'
}

/** A user of this server whose invite of `userId` the auth rules would allow: just what the rule for such joins asks. */
async function findAuthoriser(
  engine: RoomEngine,
  ownServer: ServerName,
  roomId: RoomId,
  userId: UserId,
): Promise<UserId | undefined> {
  const state = await engine.currentState(roomId)
  const own: UserId[] = []
  for (const slot of state.keys()) {
    const { type, stateKey } = slotKey(slot)
    const member = type === 'm.room.member' ? parseUserId(stateKey) : undefined
    if (member && serverOf(member) === ownServer) own.push(member)
  }
  for (const sender of own.slice(0, MAX_AUTHORISERS)) {
    if (await mayInvite(engine, roomId, sender, userId)) return sender
  }
  return undefined
}

export async function mayInvite(engine: RoomEngine, roomId: RoomId, sender: UserId, target: UserId): Promise<boolean> {
  try {
    await engine.template({
      roomId,
      sender,
      type: 'm.room.member',
      stateKey: target,
      content: { membership: 'invite' },
    })
    return true
  } catch (error) {
    if (error instanceof RoomError && error.code === 'forbidden') return false
    throw error
  }
}
