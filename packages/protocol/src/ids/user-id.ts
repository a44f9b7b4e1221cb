import type { ServerName, UserId } from './branded.ts'
import { fitsBytes } from './byte-length.ts'
import { IdError } from './id-error.ts'
import { parseServerName } from './server-name.ts'

/**
 * `strict` is what a server may hand out today. `historical` is what every room version so far (1 to 12) has to take in
 * events: any localpart without `:`, NUL or lone surrogates, the empty one included (appendices, "Historical User IDs").
 */
export type UserIdGrammar = 'strict' | 'historical'

const STRICT_LOCALPART = /^[a-z0-9._=/+-]+$/

/** A user id, at most 255 bytes of UTF-8. Appendices, "User Identifiers". */
export function parseUserId(text: unknown, grammar: UserIdGrammar = 'historical'): UserId | undefined {
  if (typeof text !== 'string' || text.charCodeAt(0) !== 0x40 || !fitsBytes(text)) return undefined
  const colon = text.indexOf(':')
  if (colon < 1 || parseServerName(text.slice(colon + 1)) === undefined) return undefined
  return isLocalpart(text.slice(1, colon), grammar) ? (text as UserId) : undefined
}

/** {@link parseUserId}, throwing `IdError`. */
export function assertUserId(text: unknown, grammar: UserIdGrammar = 'historical'): UserId {
  const userId = parseUserId(text, grammar)
  if (userId === undefined) throw new IdError('user id', text)
  return userId
}

/** A new account's id. Throws `IdError` for a localpart outside the strict grammar or an id over 255 bytes. */
export function makeUserId(localpart: string, server: ServerName): UserId {
  return assertUserId(`@${localpart}:${server}`, 'strict')
}

/** True for a localpart that a new account may have. */
export function isStrictLocalpart(localpart: string): boolean {
  return STRICT_LOCALPART.test(localpart)
}

function isLocalpart(localpart: string, grammar: UserIdGrammar): boolean {
  if (grammar === 'strict') return STRICT_LOCALPART.test(localpart)
  return !localpart.includes('\0') && localpart.isWellFormed()
}
