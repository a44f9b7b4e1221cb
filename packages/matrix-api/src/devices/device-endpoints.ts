import type { Endpoint } from '../http/endpoint.ts'
import { deleteDevice } from './delete-device.ts'
import { deleteDevices } from './delete-devices.ts'
import type { Devices } from './devices.ts'
import { getDevice } from './get-device.ts'
import { getDevices } from './get-devices.ts'
import type { InteractiveAuth } from './ports.ts'
import { updateDevice } from './update-device.ts'

export interface DeviceEndpointDeps {
  readonly devices: Devices
  readonly interactiveAuth: InteractiveAuth
}

/** Client-Server API, "Device Management". */
export function deviceEndpoints(deps: DeviceEndpointDeps): readonly Endpoint[] {
  return [getDevices(deps), getDevice(deps), updateDevice(deps), deleteDevice(deps), deleteDevices(deps)]
}
