import { type AccountDataDeps, accountDataEndpoints } from './account-data/account-data-endpoints.ts'
import { accountEndpoints } from './accounts/account-endpoints.ts'
import type { AccountDeps } from './accounts/deps.ts'
import { accountRestrictionEndpoints } from './admin/account-restrictions.ts'
import { capabilityEndpoints } from './capabilities/capability-endpoints.ts'
import { deviceEndpoints } from './devices/device-endpoints.ts'
import { mutualRoomsEndpoints } from './discovery/mutual-rooms.ts'
import { notOfferedEndpoints } from './discovery/not-offered.ts'
import { openIdEndpoints } from './discovery/openid.ts'
import { type UserDirectoryDeps, userDirectoryEndpoints } from './discovery/user-directory.ts'
import { wellKnownEndpoints } from './discovery/well-known.ts'
import { type E2eeEndpointDeps, e2eeEndpoints } from './e2ee/e2ee-endpoints.ts'
import type { EphemeralDeps } from './ephemeral/deps.ts'
import { ephemeralEndpoints } from './ephemeral/ephemeral-endpoints.ts'
import { filterEndpoints } from './filters/filter-endpoints.ts'
import type { Endpoint } from './http/endpoint.ts'
import { type MediaEndpointDeps, mediaEndpoints } from './media/media-endpoints.ts'
import { type ProfileDeps, profileEndpoints } from './profile/profile-endpoints.ts'
import { getNotifications, type NotificationDeps } from './push/get-notifications.ts'
import { pushRuleEndpoints } from './push/push-rule-endpoints.ts'
import type { PushRules } from './push/push-rules.ts'
import { pusherEndpoints } from './push/pusher-endpoints.ts'
import type { Pushers } from './push/pushers.ts'
import { type ReportDeps, reportEndpoints } from './reporting/report-endpoints.ts'
import type { RoomDeps } from './rooms/deps.ts'
import { roomEndpoints } from './rooms/room-endpoints.ts'
import { type SearchDeps, searchEndpoints } from './search/search.ts'
import type { SyncDeps } from './sync/sync.ts'
import { syncEndpoints } from './sync/sync-endpoints.ts'
import { toDeviceEndpoints } from './to-device/send-to-device.ts'
import type { ToDevice } from './to-device/to-device.ts'
import { type VoipDeps, voipEndpoints } from './voip/voip-endpoints.ts'

/** Everything that some section takes; each is handed it all and sees its own part. */
export type AllDeps = Omit<AccountDeps, 'devices'> &
  AccountDataDeps &
  Parameters<typeof deviceEndpoints>[0] &
  Parameters<typeof openIdEndpoints>[0] &
  Parameters<typeof wellKnownEndpoints>[0] &
  UserDirectoryDeps &
  E2eeEndpointDeps &
  EphemeralDeps &
  MediaEndpointDeps &
  NotificationDeps &
  ProfileDeps &
  ReportDeps &
  VoipDeps &
  RoomDeps &
  SearchDeps &
  Omit<SyncDeps, 'toDevice' | 'deviceLists' | 'keyCounts'> & {
    readonly inbox: SyncDeps['toDevice']
    readonly toDevice: ToDevice
    readonly pushRules: PushRules
    readonly pushers: Pushers
    readonly ownGateways: readonly string[]
  }

/** All operations, one line per section of the Client-Server API. */
export function allEndpoints(deps: AllDeps): readonly Endpoint[] {
  const { accounts, deviceListChanges: deviceLists, oneTimeKeys: keyCounts } = deps
  const canConfirm = async (userId: Parameters<typeof accounts.isOwner>[0]) =>
    (await accounts.isOwner(userId)) || accounts.hasPassword(userId)
  return [
    ...accountEndpoints(deps),
    ...accountRestrictionEndpoints(deps),
    ...capabilityEndpoints({ rooms: deps.rooms, canConfirm, isOwner: (userId) => accounts.isOwner(userId) }),
    ...wellKnownEndpoints(deps),
    ...profileEndpoints(deps),
    ...accountDataEndpoints(deps),
    ...pushRuleEndpoints(deps),
    ...pusherEndpoints(deps),
    getNotifications(deps),
    ...userDirectoryEndpoints(deps),
    ...mutualRoomsEndpoints(deps),
    ...openIdEndpoints(deps),
    ...notOfferedEndpoints(),
    ...voipEndpoints(deps),
    ...reportEndpoints(deps),
    ...roomEndpoints(deps),
    ...searchEndpoints(deps),
    ...syncEndpoints({ ...deps, deviceLists, keyCounts, toDevice: deps.inbox }),
    ...filterEndpoints(deps),
    ...ephemeralEndpoints(deps),
    ...deviceEndpoints(deps),
    ...e2eeEndpoints(deps),
    ...toDeviceEndpoints(deps),
    ...mediaEndpoints(deps),
  ]
}
