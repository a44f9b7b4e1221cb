import type { LocalMedia, LocalUsers } from '@starling/federation'
import type { MatrixApi } from '@starling/matrix-api'

/**
 * Accounts and media for federation, which is made before the API that has them. Nothing is asked of them before both
 * are there: `api` is looked up at each call.
 */
export function lateLocalUsers(api: () => MatrixApi): { readonly users: LocalUsers; readonly media: LocalMedia } {
  const users = (): LocalUsers => api().localUsers
  return {
    users: {
      discoverable: () => users().discoverable(),
      exists: (userId) => users().exists(userId),
      profile: (userId) => users().profile(userId),
      queryKeys: (body) => users().queryKeys(body),
      claimKeys: (body) => users().claimKeys(body),
      devices: (userId) => users().devices(userId),
      deliverToDevice: (message) => users().deliverToDevice(message),
      remoteDevicesChanged: (userId, edu) => users().remoteDevicesChanged(userId, edu),
      hasErased: (userId) => users().hasErased(userId),
    },
    media: { open: (mediaId) => api().localMedia.open(mediaId) },
  }
}
