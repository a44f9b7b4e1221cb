import { endpoint } from '../http/endpoint.ts'
import type { DeviceEndpointDeps } from './device-endpoints.ts'

/** `GET /devices` (Client-Server API, "Device Management"). */
export function getDevices({ devices }: DeviceEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/devices',
    auth: 'token',
    async handle({ requester }) {
      return { devices: await devices.details(requester.userId) }
    },
  })
}
