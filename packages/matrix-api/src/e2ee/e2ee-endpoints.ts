import type { InteractiveAuth } from '../devices/ports.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { StreamPositions } from '../ports.ts'
import { backupEndpoints } from './backup/backup-endpoints.ts'
import type { KeyBackup } from './backup/key-backup.ts'
import type { CrossSigning } from './cross-signing/cross-signing.ts'
import type { KeySignatures } from './cross-signing/key-signatures.ts'
import { uploadCrossSigningKeys } from './cross-signing/upload-cross-signing-keys.ts'
import { uploadSignatures } from './cross-signing/upload-signatures.ts'
import { type DehydratedDeviceDeps, dehydratedDeviceEndpoints } from './dehydrated/dehydrated-device-endpoints.ts'
import type { DeviceListChanges } from './device-list-changes.ts'
import type { ClaimKeys } from './keys/claim-keys.ts'
import { claimKeysEndpoint } from './keys/claim-keys-endpoint.ts'
import type { DeviceKeys } from './keys/device-keys.ts'
import { getKeyChanges } from './keys/get-key-changes.ts'
import type { OneTimeKeys } from './keys/one-time-keys.ts'
import type { QueryKeys } from './keys/query-keys.ts'
import { queryKeysEndpoint } from './keys/query-keys-endpoint.ts'
import { uploadKeys } from './keys/upload-keys.ts'

export interface E2eeEndpointDeps extends DehydratedDeviceDeps {
  readonly deviceKeys: DeviceKeys
  readonly oneTimeKeys: OneTimeKeys
  readonly queryKeys: QueryKeys
  readonly claimKeys: ClaimKeys
  readonly crossSigning: CrossSigning
  readonly keySignatures: KeySignatures
  readonly keyBackup: KeyBackup
  readonly deviceListChanges: DeviceListChanges
  readonly positions: StreamPositions
  readonly interactiveAuth: InteractiveAuth
}

/** Client-Server API, "End-to-End Encryption". */
export function e2eeEndpoints(deps: E2eeEndpointDeps): readonly Endpoint[] {
  return [
    uploadKeys(deps),
    queryKeysEndpoint(deps),
    claimKeysEndpoint(deps),
    getKeyChanges(deps),
    uploadCrossSigningKeys(deps),
    uploadSignatures(deps),
    ...backupEndpoints(deps),
    ...dehydratedDeviceEndpoints(deps),
  ]
}
