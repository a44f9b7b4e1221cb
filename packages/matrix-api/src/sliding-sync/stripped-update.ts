import { ownMemberEvent, strippedRoom } from '../sync/invited-room.ts'
import type { WantedRoom } from './list-windows.ts'
import { changesOf } from './room-tellings.ts'
import type { Occasion, RoomOutcome } from './room-update.ts'
import type { SentRoom } from './sent-room.ts'
import type { SlidingContext } from './sliding-context.ts'

/**
 * A room that the user is not in and was not: invited, knocking, or refused (MSC4186, "Invite/knock/rejections"). Nothing of it
 * is told but what came with the invite or the knock. `invite_state` is what today's clients read, `stripped_state` what the
 * MSC has come to call it.
 */
export async function strippedUpdate(
  context: SlidingContext,
  wanted: WantedRoom,
  before: SentRoom | undefined,
  occasion: Occasion,
): Promise<RoomOutcome> {
  const { sources, requester, labels } = context
  const { row, kind } = wanted.room
  const { whole } = occasion
  const values = {
    membership: row.membership,
    lists: [...wanted.lists],
    bump_stamp: row.position,
    is_dm: labels.direct.has(row.roomId),
  }
  const { json, told } = changesOf(values, whole ? undefined : before?.told)
  const sent: SentRoom = {
    upTo: 'live',
    form: 'stripped',
    config: wanted.config,
    timelineLength: 0,
    members: new Map(),
    told,
  }
  if (!whole && !occasion.changed) return { sent, json: Object.keys(json).length > 0 ? json : undefined }
  const stripped =
    kind === 'refused'
      ? [await ownMemberEvent(sources.reader, requester.userId, row)]
      : await strippedRoom(sources.reader, requester.userId, row)
  return { sent, json: { ...(whole && { initial: true }), ...json, invite_state: stripped, stripped_state: stripped } }
}
