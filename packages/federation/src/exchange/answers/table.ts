import type { Answer } from '../../contracts.ts'
import type { RoomDigests } from '../anti-entropy/room-digests.ts'
import type { AnswerParts } from './answer-parts.ts'
import { backfill } from './backfill.ts'
import { getEvent } from './event.ts'
import { eventAuth } from './event-auth.ts'
import { eventsSince } from './events-since.ts'
import { extremities } from './extremities.ts'
import { forMembers } from './for-members.ts'
import { getMissingEvents } from './get-missing-events.ts'
import { hierarchy } from './hierarchy.ts'
import { inviteV2 } from './invite.ts'
import { joinIds, stateDigest } from './join-ids.ts'
import { makeJoin } from './make-join.ts'
import { makeKnock } from './make-knock.ts'
import { makeLeave } from './make-leave.ts'
import { getPublicRooms, queryPublicRooms } from './public-rooms.ts'
import { queryDirectory } from './query-directory.ts'
import { queryServerKeys } from './query-keys.ts'
import { queryProfile } from './query-profile.ts'
import { sendJoin } from './send-join.ts'
import { sendKnock } from './send-knock.ts'
import { sendLeave } from './send-leave.ts'
import { sendTransaction } from './send-transaction.ts'
import { getState, getStateIds } from './state.ts'
import { stateEvents } from './state-events.ts'
import { timestampToEvent } from './timestamp-to-event.ts'
import { userDevices } from './user-devices.ts'
import { claimUserKeys, queryUserKeys } from './user-keys.ts'

type Row = (parts: AnswerParts) => Answer

/** Reads of a room, for its members and within their rations. */
const READS: readonly Row[] = [
  backfill,
  getMissingEvents,
  getEvent,
  eventAuth,
  getState,
  getStateIds,
  timestampToEvent,
  eventsSince,
]

const OTHERS: readonly Row[] = [
  makeJoin,
  sendJoin,
  makeKnock,
  sendKnock,
  makeLeave,
  sendLeave,
  inviteV2,
  sendTransaction,
  hierarchy,
  queryProfile,
  queryDirectory,
  getPublicRooms,
  queryPublicRooms,
  queryUserKeys,
  claimUserKeys,
  userDevices,
  queryServerKeys,
  joinIds,
  stateDigest,
  stateEvents,
]

/** Everything that another server can ask about rooms and users. What is not a row here does not exist for it. */
export function answerTable(parts: AnswerParts, digests: RoomDigests): readonly Answer[] {
  const reads = [...READS.map((row) => row(parts)), extremities(parts, digests)]
  return [...reads.map((read) => forMembers(parts, read)), ...OTHERS.map((row) => row(parts))]
}
