import type { JsonObject, JsonValue, ServerName, UserId } from '@starling/protocol'
import { parseUserId, serverOf, withoutKeys } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { sharesRoom } from '../access/shared-rooms.ts'
import { asObject } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { bodyOf, invalid, objectOf, requireQuota } from './read-request.ts'

/** Users that one request may ask about. */
const MAX_USERS = 1_000

/**
 * Server-server API, "End-to-End Encryption": device and cross-signing keys of local users. Like the profile it is answered
 * to whoever can name the user exactly: clients look for keys before they make an encrypted room and invite. Names of
 * devices are only for servers that have to do with the user.
 */
export function queryUserKeys(parts: AnswerParts): Answer {
  return {
    method: 'POST',
    path: '/_matrix/federation/v1/user/keys/query',
    async answer({ origin, content }) {
      const asked = localUsers(parts, bodyOf(content).device_keys, 'device_keys')
      const answer = await parts.users.queryKeys({ device_keys: Object.fromEntries(asked) })
      return withoutForeignNames(parts, answer, origin)
    },
  }
}

/**
 * One-time keys are handed out once each, so only to servers that have to do with the user, others get none; and so many an
 * hour, since an invite is enough to have to do with somebody, and who claims them all leaves the fallback key only.
 */
export function claimUserKeys(parts: AnswerParts): Answer {
  return {
    method: 'POST',
    path: '/_matrix/federation/v1/user/keys/claim',
    async answer({ origin, content }) {
      const asked = localUsers(parts, bodyOf(content).one_time_keys, 'one_time_keys')
      const allowed: [UserId, JsonValue][] = []
      for (const [userId, devices] of asked) {
        if (await sharesRoom(parts, origin, userId)) allowed.push([userId, devices])
        else parts.count('key_claim_refused', 'no-shared-room')
      }
      if (allowed.length === 0) return { one_time_keys: {} }
      const keys = allowed.reduce((sum, [, devices]) => sum + Object.keys(asObject(devices) ?? {}).length, 0)
      requireQuota(parts.keyClaimQuota.take(origin, keys), 'Too many one-time keys have been claimed by this server.')
      return parts.users.claimKeys({ one_time_keys: Object.fromEntries(allowed) })
    },
  }
}

function localUsers(parts: AnswerParts, value: unknown, what: string): [UserId, JsonValue][] {
  const entries = Object.entries(objectOf(value, what))
  if (entries.length > MAX_USERS) invalid(`"${what}" names more than ${MAX_USERS} users.`)
  return entries.map(([id, devices]) => {
    const userId = parseUserId(id) ?? invalid(`"${what}" names something that is no user.`)
    if (serverOf(userId) !== parts.keys.serverName) invalid(`"${what}" names a user of another server.`)
    return [userId, devices ?? null]
  })
}

async function withoutForeignNames(parts: AnswerParts, answer: JsonObject, origin: ServerName): Promise<JsonObject> {
  const deviceKeys = asObject(answer.device_keys)
  if (!deviceKeys) return answer
  const shown: [string, JsonValue][] = []
  for (const [userId, devices] of Object.entries(deviceKeys)) {
    if (devices === undefined) continue
    const isNear = await sharesRoom(parts, origin, userId as UserId)
    shown.push([userId, isNear ? devices : nameless(devices)])
  }
  return { ...answer, device_keys: Object.fromEntries(shown) }
}

function nameless(devices: JsonValue): JsonValue {
  const entries = Object.entries(asObject(devices) ?? {})
  return Object.fromEntries(entries.map(([id, device]) => [id, withoutName(asObject(device))]))
}

function withoutName(device: JsonObject | undefined): JsonObject {
  const unsigned = asObject(device?.unsigned)
  return unsigned ? { ...device, unsigned: withoutKeys(unsigned, 'device_display_name') } : { ...device }
}
