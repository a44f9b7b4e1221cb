import { endpoint } from '../http/endpoint.ts'
import type { DeviceEndpointDeps } from './device-endpoints.ts'
import { MAX_DEVICE_ID_BYTES } from './devices.ts'
import { unknownDevice } from './unknown-device.ts'

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
      if (Buffer.byteLength(deviceId) > MAX_DEVICE_ID_BYTES) throw unknownDevice()
      await interactiveAuth.authorize(call, `remove the device ${deviceId}`)
      await devices.remove(call.requester.userId, [deviceId])
      return {}
    },
  })
}
