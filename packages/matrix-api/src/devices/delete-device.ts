import { endpoint } from '../http/endpoint.ts'
import type { DeviceEndpointDeps } from './device-endpoints.ts'

/**
 * `DELETE /devices/{deviceId}` (Client-Server API, "Device Management"), with User-Interactive Authentication. A device that
 * is not there (any more) is a success.
 */
export function deleteDevice({ devices, interactiveAuth }: DeviceEndpointDeps) {
  return endpoint({
    method: 'DELETE',
    path: '/_matrix/client/v3/devices/{deviceId}',
    auth: 'token',
    async handle(call) {
      const { deviceId = '' } = call.params
      await interactiveAuth.authorize(call, `remove the device ${deviceId}`)
      await devices.remove(call.requester.userId, [deviceId])
      return {}
    },
  })
}
