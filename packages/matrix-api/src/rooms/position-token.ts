import { MatrixError } from '../http/matrix-error.ts'
import type { Position } from '../ports.ts'

/**
 * Tokens that clients hand back. Each names a place between two events: everything at or below the number lies before it.
 *
 * - `s<position>` from /sync, or `s<position>_<position>` where to-device messages were cut off earlier than the rest;
 * - `t<order>` for pagination, negative in backfilled history;
 * - `p<position>_<answer>` from sliding sync, for pagination and `GET /keys/changes` as well (MSC4186, MSC4543), but not for /sync: it says
 *   nothing of to-device messages, and going on from it there would delete them unread.
 */
export interface SyncToken {
  readonly position: Position
  /** Up to where to-device messages were given; equal to `position` unless a page of them was full. */
  readonly toDevice: Position
}

const SYNC_TOKEN = /^s(0|[1-9]\d{0,15})(?:_(0|[1-9]\d{0,15}))?$/
const SLIDING_POS = /^p(0|[1-9]\d{0,15})_[0-9a-z]{1,32}$/
const PAGE_TOKEN = /^t(0|-?[1-9]\d{0,15})$/

export function formatSyncToken(token: SyncToken): string {
  return token.toDevice === token.position ? `s${token.position}` : `s${token.position}_${token.toDevice}`
}

export function formatSlidingPos(position: Position, answer: string): string {
  return `p${position}_${answer}`
}

/** Throws 400 `M_INVALID_PARAM` for anything that this server cannot have given: malformed, or beyond `now`. */
export function parseSyncToken(text: string, now: Position): SyncToken {
  const match = SYNC_TOKEN.exec(text)
  const position = Number(match?.[1] ?? Number.NaN)
  const toDevice = match?.[2] === undefined ? position : Number(match[2])
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(toDevice) || position > now || toDevice > position) {
    throw unknownToken('since')
  }
  return { position, toDevice }
}

/** A token of /sync or sliding sync as a position. Throws 400 `M_INVALID_PARAM` as above. */
export function parsePosition(text: string, now: Position): Position {
  const match = SLIDING_POS.exec(text)
  if (!match) return parseSyncToken(text, now).position
  const position = Number(match[1])
  if (!Number.isSafeInteger(position) || position > now) throw unknownToken('since')
  return position
}

export function formatPageToken(order: number): string {
  return `t${order}`
}

/** A pagination token of either kind as a place in the timeline. Throws 400 `M_INVALID_PARAM`. */
export function parsePageToken(text: string, name: string): number {
  const match = PAGE_TOKEN.exec(text) ?? SYNC_TOKEN.exec(text) ?? SLIDING_POS.exec(text)
  const order = Number(match?.[1] ?? Number.NaN)
  if (!Number.isSafeInteger(order)) throw unknownToken(name)
  return order
}

export function pageTokenQuery(query: Readonly<Record<string, string>>, name: string): number | undefined {
  const text = query[name]
  // Some clients send an empty `from` for "the newest".
  return text === undefined || text === '' ? undefined : parsePageToken(text, name)
}

function unknownToken(name: string): MatrixError {
  return new MatrixError(400, 'M_INVALID_PARAM', `Not a token of this server: ${name}`)
}
