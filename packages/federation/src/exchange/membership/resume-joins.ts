import type { AbortOptions } from '@starling/protocol'
import { RoomError } from '../../room/room-error.ts'
import { limits } from '../limits.ts'
import { abandonJoin } from './abandon-join.ts'
import { lockKey, type MembershipParts } from './change-membership.ts'
import { enterByPlan } from './enter-by-plan.ts'
import type { JoinPlan } from './join-plan.ts'
import type { JoinRow } from './join-rows.ts'

/**
 * Goes on with the joins that the last run of this server did not end: what was fetched is here. Each is tried until it is
 * done, found to be false, or too old.
 */
export async function resumeJoins(parts: MembershipParts, options: Required<AbortOptions>): Promise<void> {
  await parts.rows.removeOrphans()
  await Promise.all((await parts.rows.all()).map((row) => resumeJoin(parts, row, options)))
}

async function resumeJoin(parts: MembershipParts, row: JoinRow, options: Required<AbortOptions>): Promise<void> {
  const { roomId } = row.change
  while (!options.signal.aborted) {
    const change = { ...row.change, membership: 'join' as const }
    const isDone = await parts.lock.run(lockKey(change), async () => {
      if (parts.engine.isServerJoined(roomId, parts.keys.serverName)) {
        await parts.rows.remove(roomId, { entered: true })
        return true
      }
      const plan = await planOf(parts, row)
      if (plan) return goOn(parts, row, plan, options)
      await abandonJoin(parts, roomId)
      return true
    })
    parts.joins.refresh(row.change.target)
    if (isDone) return
    await pause(parts, options)
  }
}

/** Undefined where it is too old, or what is kept of it is not whole. */
async function planOf(parts: MembershipParts, row: JoinRow): Promise<JoinPlan | undefined> {
  if (parts.clock.now() - row.since > limits.joinGivenUpAfter) return undefined
  const ids = await parts.rows.idsOf(row)
  const event = await parts.engine.check(row.event, row.roomVersion)
  if (!ids || !event.ok) return undefined
  const { change, roomVersion, createId, resident, servers, digest } = row
  return { roomId: change.roomId, roomVersion, createId, event: event.checked, resident, servers, digest, ...ids }
}

/** True once nothing is left to be done. Whoever asks for the join meanwhile waits for this attempt. */
async function goOn(parts: MembershipParts, row: JoinRow, plan: JoinPlan, options: AbortOptions): Promise<boolean> {
  let isDone = false
  const attempt = parts.joins.run(row.change, async (report) => {
    const entry = await enterByPlan(parts, plan, { events: [], noted: Promise.resolve() }, report, options)
    if (entry.kind === 'unreachable') throw new RoomError('unreachable', `Could not join the room: ${entry.reason}.`)
    isDone = true
    if (entry.kind === 'entered') {
      await parts.rows.remove(plan.roomId, { entered: true })
      parts.entered(plan.roomId, [plan.resident])
      return entry.eventId
    }
    parts.count('send_join_refused', 'resumed')
    await abandonJoin(parts, plan.roomId)
    throw new RoomError('unreachable', `Could not join the room: ${entry.reason}.`)
  })
  try {
    await attempt
  } catch (error) {
    if (!(error instanceof RoomError) && !options.signal?.aborted) throw error
  }
  return isDone
}

function pause(parts: MembershipParts, { signal }: Required<AbortOptions>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = parts.timers.after(limits.joinResumeInterval, resolve)
    signal.addEventListener(
      'abort',
      () => {
        cancel()
        resolve()
      },
      { once: true },
    )
  })
}
