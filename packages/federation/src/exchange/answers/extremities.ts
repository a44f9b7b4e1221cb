import type { JsonObject, ServerName } from '@starling/protocol'
import { ownValue } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import type { RoomDigests } from '../anti-entropy/room-digests.ts'
import { limits } from '../limits.ts'
import type { AnswerParts } from './answer-parts.ts'
import { bodyOf, invalid, objectOf } from './read-request.ts'
import { removalsOf } from './removals.ts'

/**
 * Starling's own: which rooms differ. `{rooms: {room hash: digest}, reply?: true}` → `{differ: {room hash: [event id]}, refused: {room
 * hash: [event id]}, removed: {room hash: [PDU]}}` with this server's forward extremities, the leaves that its state refuses, and the
 * kicks and bans of the asker's users. Of rooms in which the asker is not joined by this server's state nothing else is said, and
 * nothing at all where nobody removed it. A difference makes this server ask back, unless it is being asked back (`reply`).
 */
export function extremities(parts: AnswerParts, digests: RoomDigests): Answer {
  return {
    method: 'POST',
    path: '/_starling/federation/v1/extremities',
    async answer({ origin, content }) {
      const body = bodyOf(content)
      if (body.buckets !== undefined) return compareGroups(digests, objectOf(body.buckets, 'buckets'), origin)
      const asked = objectOf(body.rooms, 'rooms')
      if (Object.keys(asked).length > limits.roomsPerDigest) {
        invalid(`"rooms" names more than ${limits.roomsPerDigest} rooms.`)
      }
      const differ: [string, JsonObject[string]][] = []
      const refused: [string, JsonObject[string]][] = []
      for (const [hash, roomId] of await digests.shared(origin)) {
        const theirs = ownValue(asked, hash)
        if (theirs === undefined || theirs === (await digests.digest(roomId))) continue
        // The gate also asks the room's access control list.
        if (!(await passes(parts.gate.requireJoined(origin, roomId)))) continue
        const ours = await parts.engine.forwardExtremities(roomId)
        differ.push([hash, ours.slice(0, limits.extremitiesPerRoom)])
        const dead = await parts.engine.deadLeaves(roomId)
        if (dead.length > 0) refused.push([hash, dead.slice(0, limits.refusedLeavesPerRoom)])
      }
      const removed = await removalsOfAsked(parts, digests, origin, asked)
      if (differ.length > 0 && body.reply !== true) parts.heardOfDifference(origin)
      const told = removed.length > 0 ? { removed: Object.fromEntries(removed) } : {}
      return { differ: Object.fromEntries(differ), refused: Object.fromEntries(refused), ...told }
    },
  }
}

/** Rooms that the asker takes itself for a member of, and why it is none: see {@link removalsOf}. */
async function removalsOfAsked(
  parts: AnswerParts,
  digests: RoomDigests,
  origin: ServerName,
  asked: JsonObject,
): Promise<readonly [string, readonly JsonObject[]][]> {
  const removed: [string, readonly JsonObject[]][] = []
  for (const [hash, roomId] of await digests.unshared(origin)) {
    if (ownValue(asked, hash) === undefined || !(await passes(parts.gate.requireAllowed(origin, roomId)))) continue
    const removals = await removalsOf(parts, roomId, origin)
    if (removals.length === 0) continue
    if (parts.removalQuota.take(origin) > 0) break
    removed.push([hash, removals])
  }
  return removed
}

/**
 * Many rooms in 64 groups: `{buckets: {first character of the hashes: digest}}` → `{differ_buckets: [character]}`. Only rooms that
 * both are in count, so a digest tells nothing of others.
 */
async function compareGroups(digests: RoomDigests, asked: JsonObject, origin: ServerName): Promise<JsonObject> {
  const ours = await digests.buckets(await digests.shared(origin))
  const groups = new Set([...Object.keys(asked).filter((bucket) => bucket.length === 1), ...ours.keys()])
  return { differ_buckets: [...groups].filter((bucket) => ours.get(bucket) !== ownValue(asked, bucket)).slice(0, 64) }
}

async function passes(gate: Promise<void>): Promise<boolean> {
  try {
    await gate
    return true
  } catch (error) {
    if (error instanceof AnswerError) return false
    throw error
  }
}
