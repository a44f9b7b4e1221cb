import { type JsonObject, parseUserId, type UserId } from '@starling/protocol'
import type { Accounts } from './accounts.ts'

/**
 * The local user whom a login or a password stage names (Client-Server API, "Identifier types"): `m.id.user` with a user id
 * or a localpart, or the older top-level `user`. Third-party ids and users of other servers: undefined.
 */
export function userOfIdentifier(
  from: JsonObject,
  accounts: Pick<Accounts, 'isLocal' | 'userIdOf'>,
): UserId | undefined {
  const identifier = from.identifier
  const name = isObject(identifier) ? (identifier.type === 'm.id.user' ? identifier.user : undefined) : from.user
  if (typeof name !== 'string') return undefined
  const userId = name.startsWith('@') ? parseUserId(name) : accounts.userIdOf(name)
  return userId !== undefined && accounts.isLocal(userId) ? userId : undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
