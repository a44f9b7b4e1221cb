import { isJsonObject, type JsonObject, type JsonValue } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'

/** A session's key as a client backs it up (Client-Server API, "Server-side key backups"). */
export interface BackupKey extends JsonObject {
  readonly first_message_index: number
  readonly forwarded_count: number
  readonly is_verified: boolean
  readonly session_data: JsonObject
}

/** One key with its place. */
export interface PlacedKey {
  readonly roomId: string
  readonly sessionId: string
  readonly key: BackupKey
}

/** UTF-16 units of one key's JSON; a Megolm session has about 1 KiB. */
const MAX_KEY_LENGTH = 65_536
const MAX_NAME_LENGTH = 1_024

/** Checks one key. Throws `MatrixError` 400. */
export function parseBackupKey(value: JsonValue | undefined): BackupKey {
  if (!isJsonObject(value)) throw malformed('a key is not an object')
  const { first_message_index: index, forwarded_count: forwarded, is_verified: verified, session_data: data } = value
  if (!isCount(index)) throw malformed('first_message_index is not a count')
  if (!isCount(forwarded)) throw malformed('forwarded_count is not a count')
  if (typeof verified !== 'boolean') throw malformed('is_verified is not a boolean')
  if (!isJsonObject(data)) throw malformed('session_data is not an object')
  if (JSON.stringify(data).length > MAX_KEY_LENGTH)
    throw new MatrixError(413, 'M_TOO_LARGE', 'session_data is too large')
  return { first_message_index: index, forwarded_count: forwarded, is_verified: verified, session_data: data }
}

/** `{sessions: {session id: key}}` of one room. */
export function parseRoomBackup(roomId: string, value: JsonValue | undefined): PlacedKey[] {
  if (!isJsonObject(value) || !isJsonObject(value.sessions)) throw malformed('a room has no sessions object')
  return Object.entries(value.sessions).map(([sessionId, key]) => {
    if (roomId.length > MAX_NAME_LENGTH || sessionId.length > MAX_NAME_LENGTH) {
      throw new MatrixError(400, 'M_INVALID_PARAM', 'A room id or session id is too long')
    }
    return { roomId, sessionId, key: parseBackupKey(key) }
  })
}

/** `{rooms: {room id: {sessions}}}`. */
export function parseBackup(body: JsonObject): PlacedKey[] {
  if (!isJsonObject(body.rooms)) throw malformed('rooms is not an object')
  return Object.entries(body.rooms).flatMap(([roomId, room]) => parseRoomBackup(roomId, room))
}

/** Whether the new key of a session is to replace the old: verified first, then the earlier index, then fewer forwards. */
export function isBetterKey(next: BackupKey, old: BackupKey): boolean {
  if (next.is_verified !== old.is_verified) return next.is_verified
  if (next.first_message_index !== old.first_message_index) return next.first_message_index < old.first_message_index
  return next.forwarded_count < old.forwarded_count
}

function isCount(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function malformed(message: string): MatrixError {
  return new MatrixError(400, 'M_BAD_JSON', message)
}
