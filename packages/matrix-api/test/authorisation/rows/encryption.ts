import { NOT_FOUND, OWN, type Row, row, toAll } from '../matrix.ts'
import type { Stage } from '../stage.ts'

const KEY = { first_message_index: 0, forwarded_count: 0, is_verified: true, session_data: {} }
const version = ({ backup }: Stage) => ({ query: { version: backup } })
const BACKUP = { algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2', auth_data: { public_key: 'x', signatures: {} } }

/** Keys, backups, messages between devices: alice's backup has a number that the others' would have too. */
export const encryptionRows: readonly Row[] = [
  row('sendToDevice', OWN, ({ alice }) => ({ body: { messages: { [alice.userId]: { '*': {} } } } })),
  row('uploadKeys', OWN, { body: {} }),
  row('queryKeys', OWN, ({ alice }) => ({ body: { device_keys: { [alice.userId]: [] } } })),
  row('claimKeys', OWN, ({ alice }) => ({
    body: { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } },
  })),
  row('getKeysChanges', toAll('400 M_MISSING_PARAM')),
  row('uploadCrossSigningKeys', toAll('400 M_INVALID_PARAM'), ({ alice }) => ({
    body: { master_key: { user_id: alice.userId, usage: ['master'], keys: { 'ed25519:x': 'x' } } },
  })),
  row('uploadCrossSigningSignatures', OWN, ({ alice }) => ({ body: { [alice.userId]: { [alice.deviceId]: {} } } })),
  row('getRoomKeysVersionCurrent', toAll(NOT_FOUND)),
  row('getRoomKeysVersion', toAll(NOT_FOUND)),
  row('putRoomKeysVersion', toAll(NOT_FOUND), { body: BACKUP }),
  row('deleteRoomKeysVersion', toAll(NOT_FOUND)),
  row('getRoomKeys', toAll(NOT_FOUND), version),
  row('getRoomKeysByRoomId', toAll(NOT_FOUND), version),
  row('getRoomKeyBySessionId', toAll(NOT_FOUND), version),
  row('putRoomKeys', toAll(NOT_FOUND), (stage) => ({ ...version(stage), body: { rooms: {} } })),
  row('putRoomKeysByRoomId', toAll(NOT_FOUND), (stage) => ({ ...version(stage), body: { sessions: {} } })),
  row('putRoomKeyBySessionId', toAll(NOT_FOUND), (stage) => ({ ...version(stage), body: KEY })),
  row('deleteRoomKeys', toAll(NOT_FOUND), version),
  row('deleteRoomKeysByRoomId', toAll(NOT_FOUND), version),
  row('deleteRoomKeyBySessionId', toAll(NOT_FOUND), version),
  row('postRoomKeysVersion', OWN, { body: BACKUP }),
]
