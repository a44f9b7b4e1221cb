import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import type { DeviceEndpointDeps } from './device-endpoints.ts'
import { MAX_DISPLAY_NAME_LENGTH } from './devices.ts'
import { unknownDevice } from './unknown-device.ts'

const body = z.object({ display_name: z.string().max(MAX_DISPLAY_NAME_LENGTH).optional() })

/**
 * `PUT /devices/{deviceId}` (Client-Server API, "Device Management"). Only application services may create devices with
 * it, and there are none here.
 */
export function updateDevice({ devices }: DeviceEndpointDeps) {
  return endpoint({
    method: 'PUT',
    path: '/_matrix/client/v3/devices/{deviceId}',
    auth: 'token',
    async handle(call) {
      const { userId } = call.requester
      const { deviceId = '' } = call.params
      const { display_name: displayName } = checkInput(body, call.body)
      const found =
        displayName === undefined
          ? (await devices.get(userId, deviceId)) !== undefined
          : await devices.rename(userId, deviceId, displayName)
      if (!found) throw unknownDevice()
      return {}
    },
  })
}
