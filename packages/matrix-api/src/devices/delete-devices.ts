import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import type { DeviceEndpointDeps } from './device-endpoints.ts'
import { MAX_DEVICES_PER_USER } from './devices.ts'

const body = z.object({ devices: z.array(z.string()).max(MAX_DEVICES_PER_USER) })

/** `POST /delete_devices` (Client-Server API, "Device Management"), with User-Interactive Authentication. */
export function deleteDevices({ devices, interactiveAuth }: DeviceEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/delete_devices',
    auth: 'token',
    async handle(call) {
      const { devices: deviceIds } = checkInput(body, call.body)
      // The list is part of the operation: a session begun for one device must not delete another.
      await interactiveAuth.authorize(call, `remove the devices ${[...deviceIds].sort().join(', ')}`)
      await devices.remove(call.requester.userId, deviceIds)
      return {}
    },
  })
}
