import type { JsonObject, RoomId, ServerName } from '@starling/protocol'
import { ownValue } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import type { RoomDigests } from '../anti-entropy/room-digests.ts'
import { limits } from '../limits.ts'
import type { AnswerParts } from './answer-parts.ts'
import { bodyOf, invalid, objectOf } from './read-request.ts'

/**
 * Starling's own: which rooms differ. `{rooms: {room hash: digest}, reply?: true}` → `{differ: {room hash: [event id]}, refused: {room
 * hash: [event id]}}` with this server's forward extremities, and the leaves that its state refuses. Rooms in which the asker is not joined by this server's state are passed over in
 * silence, whatever is asked. A difference makes this server ask back, unless it is being asked back (`reply`).
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
        if (!(await isLetIn(parts, origin, roomId))) continue
        const ours = await parts.engine.forwardExtremities(roomId)
        differ.push([hash, ours.slice(0, limits.extremitiesPerRoom)])
        const dead = await parts.engine.deadLeaves(roomId)
        if (dead.length > 0) refused.push([hash, dead.slice(0, limits.refusedLeavesPerRoom)])
      }
      if (differ.length > 0 && body.reply !== true) parts.heardOfDifference(origin)
      return { differ: Object.fromEntries(differ), refused: Object.fromEntries(refused) }
    },
  }
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

async function isLetIn(parts: AnswerParts, origin: ServerName, roomId: RoomId): Promise<boolean> {
  try {
    await parts.gate.requireJoined(origin, roomId)
    return true
  } catch (error) {
    if (error instanceof AnswerError) return false
    throw error
  }
}
