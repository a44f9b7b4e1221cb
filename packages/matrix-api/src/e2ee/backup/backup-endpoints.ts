import type { Endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { createBackupVersion } from './create-backup-version.ts'
import { deleteBackupKey } from './delete-backup-key.ts'
import { deleteBackupKeys } from './delete-backup-keys.ts'
import { deleteBackupVersion } from './delete-backup-version.ts'
import { deleteRoomBackupKeys } from './delete-room-backup-keys.ts'
import { getBackupKey } from './get-backup-key.ts'
import { getBackupKeys } from './get-backup-keys.ts'
import { getBackupVersion } from './get-backup-version.ts'
import { getCurrentBackupVersion } from './get-current-backup-version.ts'
import { getRoomBackupKeys } from './get-room-backup-keys.ts'
import { putBackupKey } from './put-backup-key.ts'
import { putBackupKeys } from './put-backup-keys.ts'
import { putRoomBackupKeys } from './put-room-backup-keys.ts'
import { updateBackupVersion } from './update-backup-version.ts'

/** Client-Server API, "Server-side key backups". */
export function backupEndpoints(deps: E2eeEndpointDeps): readonly Endpoint[] {
  return [
    createBackupVersion,
    getCurrentBackupVersion,
    getBackupVersion,
    updateBackupVersion,
    deleteBackupVersion,
    putBackupKeys,
    getBackupKeys,
    deleteBackupKeys,
    putRoomBackupKeys,
    getRoomBackupKeys,
    deleteRoomBackupKeys,
    putBackupKey,
    getBackupKey,
    deleteBackupKey,
  ].map((make) => make(deps))
}
