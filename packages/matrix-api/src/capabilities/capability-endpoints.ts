import type { UserId } from '@starling/protocol'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Rooms } from '../ports.ts'
import { SUPPORTED_VERSIONS, UNSTABLE_FEATURES } from './supported-versions.ts'

export interface CapabilityDeps {
  readonly rooms: Pick<Rooms, 'defaultVersion' | 'versions'>
  /** Whether there is any way for this user to confirm what needs confirming. */
  readonly canConfirm: (userId: UserId) => Promise<boolean>
  readonly isOwner: (userId: UserId) => Promise<boolean>
}

/** Client-Server API, "Capabilities negotiation" and "API Versions". */
export function capabilityEndpoints(deps: CapabilityDeps): readonly Endpoint[] {
  return [getVersions(), getCapabilities(deps)]
}

/** `GET /versions`. */
function getVersions(): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/versions',
    auth: 'none',
    async handle() {
      return { versions: SUPPORTED_VERSIONS, unstable_features: UNSTABLE_FEATURES }
    },
  })
}

/** `GET /capabilities`. */
function getCapabilities({ rooms, canConfirm, isOwner }: CapabilityDeps): Endpoint {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/capabilities',
    auth: 'token',
    async handle(call) {
      const enabled = await canConfirm(call.requester.userId)
      return {
        capabilities: {
          'm.change_password': { enabled },
          'm.get_login_token': { enabled },
          'm.room_versions': { default: rooms.defaultVersion, available: rooms.versions },
          'm.profile_fields': { enabled: true },
          'm.set_displayname': { enabled: true },
          'm.set_avatar_url': { enabled: true },
          'm.3pid_changes': { enabled: false },
          'm.forget_forced_upon_leave': { enabled: false },
          ...((await isOwner(call.requester.userId)) && { 'm.account_moderation': { lock: true, suspend: true } }),
        },
      }
    },
  })
}
