import type { Endpoint } from '../http/endpoint.ts'
import type { LocalAccounts } from '../sync/ports.ts'
import { getProfile, getProfileField } from './get-profile.ts'
import type { ProfilePropagation } from './profile-propagation.ts'
import type { ProfileStore } from './profiles.ts'
import type { RemoteProfiles } from './remote-profiles.ts'
import { deleteProfileField, setProfileField } from './set-profile-field.ts'

export interface ProfileDeps {
  readonly accounts: LocalAccounts
  readonly profiles: ProfileStore
  readonly remoteProfiles: RemoteProfiles
  readonly propagation: ProfilePropagation
}

/** Client-Server API, "Profiles". */
export function profileEndpoints(deps: ProfileDeps): readonly Endpoint[] {
  return [getProfile(deps), getProfileField(deps), setProfileField(deps), deleteProfileField(deps)]
}
