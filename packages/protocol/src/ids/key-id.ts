import type { KeyId } from './branded.ts'
import { IdError } from './id-error.ts'

// Server-server API, "Publishing keys": `<algorithm>:<version>`, the version of [A-Za-z0-9_]. Bounded here at 255.
const KEY_ID = /^ed25519:[A-Za-z0-9_]{1,247}$/

/** `ed25519:<version>`, the only signing algorithm there is. */
export function parseKeyId(text: unknown): KeyId | undefined {
  return typeof text === 'string' && KEY_ID.test(text) ? (text as KeyId) : undefined
}

/** {@link parseKeyId}, throwing `IdError`. */
export function assertKeyId(text: unknown): KeyId {
  const keyId = parseKeyId(text)
  if (keyId === undefined) throw new IdError('key id', text)
  return keyId
}
