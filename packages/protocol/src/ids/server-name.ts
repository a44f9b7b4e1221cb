import type { ServerName } from './branded.ts'
import { MAX_ID_BYTES } from './byte-length.ts'
import { IdError } from './id-error.ts'

// Appendices, "Server Name". A dotted quad is also a dns-name of this grammar, so it has no alternative of its own.
const SERVER_NAME = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?$/

/** A server name by the grammar of the appendices ("Server Name"); case-sensitive. `undefined` where it is none. */
export function parseServerName(text: unknown): ServerName | undefined {
  if (typeof text !== 'string' || text.length > MAX_ID_BYTES) return undefined
  return SERVER_NAME.test(text) ? (text as ServerName) : undefined
}

/** {@link parseServerName}, throwing `IdError`. */
export function assertServerName(text: unknown): ServerName {
  const name = parseServerName(text)
  if (name === undefined) throw new IdError('server name', text)
  return name
}
