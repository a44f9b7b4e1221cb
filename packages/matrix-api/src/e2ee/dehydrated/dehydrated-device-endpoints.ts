import type { JsonObject } from '@starling/protocol'
import { z } from 'zod'
import { MAX_DEVICE_ID_BYTES, MAX_DISPLAY_NAME_LENGTH } from '../../devices/devices.ts'
import { checkInput } from '../../http/check-input.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { DehydratedDevices } from './dehydrated-devices.ts'

export interface DehydratedDeviceDeps {
  readonly dehydratedDevices: DehydratedDevices
}

const PATH = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'

/** An account of libolm's or vodozemac's, pickled and encrypted, has a few KiB; with many one-time keys some tens. */
const MAX_DEVICE_DATA_LENGTH = 256 * 1024

const uploaded = z.object({
  device_id: z.string().min(1).max(MAX_DEVICE_ID_BYTES),
  device_data: z.looseObject({ algorithm: z.string() }),
  initial_device_display_name: z.string().max(MAX_DISPLAY_NAME_LENGTH).optional(),
  device_keys: z.looseObject({}),
})

const asked = z.object({ next_batch: z.string().optional() })

/** MSC3814, under the names that clients use today. */
export function dehydratedDeviceEndpoints({ dehydratedDevices }: DehydratedDeviceDeps): readonly Endpoint[] {
  return [
    endpoint<'token'>({
      method: 'PUT',
      path: PATH,
      auth: 'token',
      body: 'event',
      async handle({ requester, body }) {
        const checked = checkInput(uploaded, body)
        if (JSON.stringify(checked.device_data).length > MAX_DEVICE_DATA_LENGTH) {
          throw new MatrixError(413, 'M_TOO_LARGE', 'device_data is too large')
        }
        const { device_keys = {}, one_time_keys = {}, fallback_keys = {} } = body
        await dehydratedDevices.put(requester.userId, {
          device_id: checked.device_id,
          device_data: checked.device_data as JsonObject,
          displayName: checked.initial_device_display_name,
          keys: { device_keys, one_time_keys, fallback_keys },
        })
        return { device_id: checked.device_id }
      },
    }),
    endpoint<'token'>({
      method: 'GET',
      path: PATH,
      auth: 'token',
      async handle({ requester }) {
        const device = await dehydratedDevices.get(requester.userId)
        if (!device) throw noDevice()
        return device
      },
    }),
    endpoint<'token'>({
      method: 'DELETE',
      path: PATH,
      auth: 'token',
      async handle({ requester }) {
        const deviceId = await dehydratedDevices.delete(requester.userId)
        if (deviceId === undefined) throw noDevice()
        return { device_id: deviceId }
      },
    }),
    endpoint<'token'>({
      method: 'GET',
      path: `${PATH}/{deviceId}/events`,
      auth: 'token',
      async handle({ requester, params, query }) {
        return dehydratedDevices.events(requester.userId, params.deviceId ?? '', query.from)
      },
    }),
    endpoint<'token'>({
      method: 'POST',
      path: `${PATH}/{deviceId}/events`,
      auth: 'token',
      async handle({ requester, params, body }) {
        const { next_batch: token } = checkInput(asked, body)
        return dehydratedDevices.takeEvents(requester.userId, params.deviceId ?? '', token)
      },
    }),
  ]
}

function noDevice(): MatrixError {
  return new MatrixError(404, 'M_NOT_FOUND', 'You have no dehydrated device')
}
