import type { RandomBytes, ServerName, UserId } from '@starling/protocol'
import { z } from 'zod'
import type { DeviceRegistry } from '../session/device-registry.ts'
import type { Sessions } from '../session/sessions.ts'

/** What `/login` and `/register` take about the device. */
export const deviceRequest = {
  device_id: z.string().min(1).max(512).optional(),
  initial_device_display_name: z.string().max(1_000).optional(),
  refresh_token: z.boolean().optional(),
}

export interface OpenSessionDeps {
  readonly sessions: Sessions
  readonly devices: DeviceRegistry
  readonly randomBytes: RandomBytes
  readonly serverName: ServerName
}

/** A device (new or known) and a session on it: the answer of `/login` and `/register`. Older tokens of the device are void. */
export async function openSession(
  deps: OpenSessionDeps,
  userId: UserId,
  request: z.output<z.ZodObject<typeof deviceRequest>>,
): Promise<object> {
  const deviceId = request.device_id ?? newDeviceId(deps.randomBytes)
  await deps.devices.ensure(userId, deviceId, request.initial_device_display_name)
  const issued = await deps.sessions.create(userId, deviceId, { refreshable: request.refresh_token ?? false })
  return {
    user_id: userId,
    access_token: issued.accessToken,
    device_id: deviceId,
    home_server: deps.serverName,
    ...(issued.refreshToken === undefined ? {} : { refresh_token: issued.refreshToken }),
    ...(issued.expiresInMs === undefined ? {} : { expires_in_ms: issued.expiresInMs }),
  }
}

/** Ten letters, as people know them from other servers: 47 bits, unique within one account. */
export function newDeviceId(randomBytes: RandomBytes): string {
  return Array.from(randomBytes(10), (byte) => String.fromCharCode(65 + (byte % 26))).join('')
}
