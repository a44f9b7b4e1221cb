import { createHash } from 'node:crypto'
import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import type { DeviceEndpointDeps } from './device-endpoints.ts'
import { MAX_DEVICE_ID_BYTES, MAX_DEVICES_PER_USER } from './devices.ts'

const body = z.object({ devices: z.array(z.string().max(MAX_DEVICE_ID_BYTES)).max(MAX_DEVICES_PER_USER) })

/** `POST /delete_devices` (Client-Server API, "Device Management"), with User-Interactive Authentication. */
export function deleteDevices({ devices, interactiveAuth }: DeviceEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/delete_devices',
    auth: 'token',
    async handle(call) {
      const { devices: deviceIds } = checkInput(body, call.body)
      // The list is part of the operation: a session begun for one device must not delete another.
      await interactiveAuth.authorize(call, removalOf(deviceIds))
      await devices.remove(call.requester.userId, deviceIds)
      return {}
    },
  })
}

/** Longest list that is spelled out, in characters: the operation is kept with the session and shown to the user. */
const MAX_LISTED_LENGTH = 500

function removalOf(deviceIds: readonly string[]): string {
  const listed = [...deviceIds].sort().join(', ')
  if (listed.length <= MAX_LISTED_LENGTH) return `remove the devices ${listed}`
  const digest = createHash('sha256').update(listed, 'utf8').digest('base64url').slice(0, 16)
  return `remove ${deviceIds.length} devices (list ${digest})`
}
