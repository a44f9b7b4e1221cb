import type { AbortOptions, EventId } from '@starling/protocol'
import { canonicalJson, serverOf } from '@starling/protocol'
import { RoomError } from '../../room/room-error.ts'
import { currentStateEvent, membershipIn, storedEvent } from '../access/state-events.ts'
import type { KeyedLock } from '../wire/keyed-lock.ts'
import { deliverStoredInvite, type InviteParts, inviteRemote } from './invite-remote.ts'
import { type JoinChange, joinRemote } from './join-remote.ts'
import type { JoinsUnderWay } from './joins-under-way.ts'
import { knockRemote } from './knock-remote.ts'
import { type LeaveChange, type LeaveParts, leaveRemote } from './leave-remote.ts'
import { memberContent } from './member-content.ts'
import type { ChangeMembership, MembershipChange, MembershipOutcome } from './membership-change.ts'
import { notifyWhoStays } from './notify-server.ts'
import { judgeRestrictedJoin } from './restricted-join.ts'

export interface MembershipParts extends InviteParts, LeaveParts {
  /** Entered a room through that server: what happened since its answer has to be fetched. */
  entered(roomId: MembershipChange['roomId'], resident: MembershipChange['via']): void
  /** One task per room or member at a time. */
  readonly lock: KeyedLock
  readonly joins: JoinsUnderWay
  /** Fires when this server stops. Joins end with it and not with whoever asked for them. */
  readonly stopping: AbortSignal
}

interface Situation {
  readonly change: MembershipChange
  /** This server has a joined user in the room, so its state is known and its events are its own to make. */
  readonly isIn: boolean
  readonly current: string | undefined
}

type Handler = (parts: MembershipParts, situation: Situation, options?: AbortOptions) => Promise<EventId | undefined>

const NO_NEW_EVENT = undefined

const HANDLERS: Readonly<Record<MembershipChange['membership'], Handler>> = {
  join,
  invite,
  knock,
  leave,
  ban: remove,
}

/**
 * Fits `Rooms.changeMembership` of matrix-api: decides what this server does by itself and what it needs another for. Resolves
 * once what it did is durable here.
 *
 * @throws RoomError; `forbidden` where auth rules or a remote server refuse.
 */
export function membershipChanger(parts: MembershipParts): ChangeMembership {
  return (change, options) => {
    // One change of one user at a time, and one entering of a room at a time: two users of this server that join at once
    // make one import and one local join.
    const run = (own: AbortOptions | undefined) => parts.lock.run(lockKey(change), () => apply(parts, change, own))
    if (change.membership !== 'join') return run(options)
    const underWay = parts.joins.find<EventId>(change)?.then((eventId) => ({ eventId }))
    return untilAborted(underWay ?? run({ signal: parts.stopping }), options?.signal)
  }
}

/** Waits no longer than the signal says; the work goes on. @throws the reason of the signal */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

export function lockKey({
  roomId,
  target,
  membership,
}: Pick<MembershipChange, 'roomId' | 'target' | 'membership'>): string {
  return membership === 'join' ? roomId : `${roomId} ${target}`
}

async function apply(
  parts: MembershipParts,
  change: MembershipChange,
  options?: AbortOptions,
): Promise<MembershipOutcome> {
  options?.signal?.throwIfAborted()
  requireOwn(parts, change)
  const situation = await situationOf(parts, change)
  return { eventId: await HANDLERS[change.membership](parts, situation, options) }
}

function requireOwn(parts: MembershipParts, { sender, target, membership }: MembershipChange): void {
  if (serverOf(sender) !== parts.keys.serverName)
    throw new RoomError('forbidden', 'The sender is no user of this server.')
  if ((membership === 'join' || membership === 'knock') && sender !== target) {
    throw new RoomError('forbidden', 'Users join and knock for themselves only.')
  }
}

async function situationOf(parts: MembershipParts, change: MembershipChange): Promise<Situation> {
  const { roomId, target } = change
  const known = (await parts.engine.roomVersion(roomId)) !== undefined
  const isIn = known && (await parts.engine.joinedServers(roomId)).has(parts.keys.serverName)
  const current = isIn
    ? await membershipIn(parts.engine, await parts.engine.currentState(roomId), target)
    : (await parts.views.membership(roomId, target))?.membership
  return { change, isIn, current }
}

async function join(
  parts: MembershipParts,
  { change, isIn, current }: Situation,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  if (isIn && current === 'join') return (await changesProfile(parts, change)) ? send(parts, change) : NO_NEW_EVENT
  if (!isIn) return enter(parts, change as JoinChange, options)
  const verdict = await judgeRestrictedJoin(parts.engine, parts.keys.serverName, change.roomId, change.target)
  switch (verdict.kind) {
    case 'not-needed':
      return send(parts, change)
    case 'authorised':
      return send(parts, change, { join_authorised_via_users_server: verdict.by })
    case 'fails':
      throw new RoomError('forbidden', 'The user is not in any room whose members may join.')
    default:
      // Another server may know the rooms that are asked for, or have a user who may invite.
      return enter(parts, change as JoinChange, options)
  }
}

/** What a join of somebody who is joined can still say: a name or an avatar, set or taken away, or what else the caller adds. */
async function changesProfile(parts: MembershipParts, change: MembershipChange): Promise<boolean> {
  if (change.content === undefined) return false
  const wanted = memberContent(change)
  const current = (await currentStateEvent(parts.engine, change.roomId, 'm.room.member', change.target))?.content ?? {}
  const keys = new Set(['displayname', 'avatar_url', ...Object.keys(wanted)])
  return [...keys].some((key) => canonicalJson(wanted[key] ?? null) !== canonicalJson(current[key] ?? null))
}

function enter(parts: MembershipParts, change: JoinChange, options?: AbortOptions): Promise<EventId> {
  return parts.joins.run(change, async (report) => {
    const { eventId, resident } = await joinRemote(parts, change, report, options)
    parts.entered(change.roomId, [resident])
    return eventId
  })
}

async function invite(
  parts: MembershipParts,
  { change, isIn, current }: Situation,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  if (!isIn) throw new RoomError('forbidden', 'Only members of a room may invite to it.')
  if (current === 'join') throw new RoomError('forbidden', 'The user is in the room already.')
  if (current === 'invite') return inviteAgain(parts, change)
  if (serverOf(change.target) === parts.keys.serverName) return send(parts, change)
  return inviteRemote(parts, change, options)
}

/** The invite stands. Had a crash come between storing it and telling the invitee's server, asking again is what tells it. */
async function inviteAgain(parts: MembershipParts, change: MembershipChange): Promise<undefined> {
  if (serverOf(change.target) !== parts.keys.serverName) await deliverStoredInvite(parts, change)
  return NO_NEW_EVENT
}

async function knock(
  parts: MembershipParts,
  { change, isIn, current }: Situation,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  if (current === 'knock') return NO_NEW_EVENT
  if (current === 'join' || current === 'invite') {
    throw new RoomError('forbidden', 'The user may enter the room and need not knock.')
  }
  if (isIn) return send(parts, change)
  return knockRemote(parts, { ...change, membership: 'knock' }, options)
}

async function leave(
  parts: MembershipParts,
  situation: Situation,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  const { change, isIn, current } = situation
  if (current === 'leave') return NO_NEW_EVENT
  if (change.sender !== change.target) return remove(parts, situation)
  if (isIn && current !== undefined) return leaveJoined(parts, change)
  if (current === 'invite' || current === 'knock') return leaveRemote(parts, change as LeaveChange, options)
  throw current === undefined && !isIn
    ? new RoomError('unknown-room', 'The user has never been in the room.')
    : new RoomError('forbidden', 'The user is not in the room.')
}

async function leaveJoined(parts: MembershipParts, change: MembershipChange): Promise<EventId> {
  const eventId = await send(parts, change)
  const after = await parts.engine.joinedServers(change.roomId)
  const event = after.has(parts.keys.serverName) ? undefined : await storedEvent(parts.engine, eventId)
  if (event) await notifyWhoStays(parts, event)
  return eventId
}

/** Kicks, unbans, takes back invites and bans. Net tells a server that the room's topic does not reach (`RemovalNotices`). */
async function remove(parts: MembershipParts, { change, isIn, current }: Situation): Promise<EventId | undefined> {
  if (!isIn) throw new RoomError('forbidden', 'The sender is not in the room.')
  if (change.membership === 'ban' && current === 'ban') return NO_NEW_EVENT
  return send(parts, change)
}

function send(parts: MembershipParts, change: MembershipChange, extra: Readonly<Record<string, string>> = {}) {
  return parts.engine.send({
    roomId: change.roomId,
    sender: change.sender,
    type: 'm.room.member',
    stateKey: change.target,
    content: { ...memberContent(change), ...extra },
  })
}
