import type { JsonValue } from '@starling/protocol'

/**
 * Appendices, "User identifiers", with the tolerance that "Historical user IDs" demands: any localpart without `:` and NUL, also an
 * empty one; 255 bytes in all.
 */
export function isUserId(value: JsonValue | undefined): value is string {
  if (typeof value !== 'string' || !value.startsWith('@') || Buffer.byteLength(value) > 255) return false
  const colon = value.indexOf(':')
  if (colon === -1 || value.includes('\0') || !value.isWellFormed()) return false
  return isServerName(value.slice(colon + 1))
}

/** Appendices, "Server name", by its grammar. */
function isServerName(value: string): boolean {
  return /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?$/.test(value)
}
