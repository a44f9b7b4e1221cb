import { endpoint } from '../http/endpoint.ts'
import type { DeviceEndpointDeps } from './device-endpoints.ts'
import { unknownDevice } from './unknown-device.ts'

/** `GET /devices/{deviceId}` (Client-Server API, "Device Management"). */
export function getDevice({ devices }: DeviceEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/devices/{deviceId}',
    auth: 'token',
    async handle({ requester, params: { deviceId = '' } }) {
      const device = await devices.get(requester.userId, deviceId)
      if (!device) throw unknownDevice()
      return device
    },
  })
}
