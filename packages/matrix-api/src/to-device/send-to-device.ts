import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { ToDevice } from './to-device.ts'

export interface ToDeviceEndpointDeps {
  readonly toDevice: ToDevice
}

/** Room keys for every device of a large room come in one request. */
const MAX_BODY_BYTES = 8 * 1024 * 1024

/** Client-Server API, "Send-to-Device messaging". */
export function toDeviceEndpoints(deps: ToDeviceEndpointDeps): readonly Endpoint[] {
  return [sendToDevice(deps)]
}

/** `PUT /sendToDevice/{eventType}/{txnId}`. */
function sendToDevice({ toDevice }: ToDeviceEndpointDeps) {
  return endpoint({
    method: 'PUT',
    path: '/_matrix/client/v3/sendToDevice/{eventType}/{txnId}',
    auth: 'token',
    body: 'event',
    maxBodyBytes: MAX_BODY_BYTES,
    async handle({ requester, params: { eventType = '', txnId = '' }, body }) {
      await toDevice.send(requester, eventType, txnId, body.messages)
      return {}
    },
  })
}
