import { isJsonObject, type JsonObject, type JsonValue, parseUserId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import type { KeyClaim } from './one-time-keys.ts'
import type { KeyQuery } from './query-keys.ts'

/** Users in one request, and devices in one claim: twice the largest rooms that clients open at once. */
const MAX_ENTRIES = 20_000

/** Wait for other servers (Client-Server API: "10 seconds is the recommended default"). */
const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 60_000

/** `device_keys` of a key query. Throws `MatrixError` 400. Users whose ids are none are left out. */
export function parseKeyQuery(body: JsonObject): KeyQuery {
  const wanted = requiredObject(body, 'device_keys')
  return new Map(
    wanted.flatMap(([user, deviceIds]) => {
      // Null is what older clients send for "all devices".
      const ids = deviceIds ?? []
      if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
        throw new MatrixError(400, 'M_BAD_JSON', 'device_keys does not map users to lists of device ids')
      }
      const userId = parseUserId(user)
      return userId ? [[userId, ids as readonly string[]] as const] : []
    }),
  )
}

/** `one_time_keys` of a claim. Throws `MatrixError` 400. */
export function parseKeyClaims(body: JsonObject): readonly KeyClaim[] {
  const claims: KeyClaim[] = []
  for (const [user, devices] of requiredObject(body, 'one_time_keys')) {
    if (!isJsonObject(devices)) throw new MatrixError(400, 'M_BAD_JSON', 'one_time_keys does not map users to devices')
    for (const [deviceId, algorithm] of Object.entries(devices)) {
      if (typeof algorithm !== 'string') {
        throw new MatrixError(400, 'M_BAD_JSON', 'one_time_keys does not map devices to algorithms')
      }
      const userId = parseUserId(user)
      if (userId) claims.push({ userId, deviceId, algorithm })
    }
  }
  if (claims.length > MAX_ENTRIES) throw tooMany('one_time_keys')
  return claims
}

export function parseTimeout(body: JsonObject): number {
  const { timeout } = body
  if (timeout === undefined || timeout === null) return DEFAULT_TIMEOUT_MS
  if (typeof timeout !== 'number' || timeout < 0)
    throw new MatrixError(400, 'M_INVALID_PARAM', 'timeout is not a duration')
  return Math.min(timeout, MAX_TIMEOUT_MS)
}

function requiredObject(body: JsonObject, field: string): [string, JsonValue | undefined][] {
  const value = body[field]
  if (value === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', `Missing parameter: ${field}`)
  if (!isJsonObject(value)) throw new MatrixError(400, 'M_BAD_JSON', `${field} is not an object`)
  const entries = Object.entries(value)
  if (entries.length > MAX_ENTRIES) throw tooMany(field)
  return entries
}

function tooMany(field: string): MatrixError {
  return new MatrixError(400, 'M_INVALID_PARAM', `${field} has more than ${MAX_ENTRIES} entries`)
}
