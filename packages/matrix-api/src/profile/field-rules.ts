import type { JsonValue } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'

const MAX_KEY_BYTES = 255

/** `avatar_url`, `displayname`, `m.tz`, or a Common Namespaced Identifier (appendices). */
const FIELD_NAME = /^(avatar_url|displayname|[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+)$/

/** In UTF-16 units. A member event has 64 KiB for everything; other servers cut names at 256. */
const MAX_NAME_LENGTH = 256
const MAX_URL_LENGTH = 1_000

/** Field → what its value must be; fields not named here hold any JSON. */
const VALUE_RULES: Readonly<Record<string, (value: JsonValue) => boolean>> = {
  displayname: (value) => typeof value === 'string' && value.length <= MAX_NAME_LENGTH,
  avatar_url: (value) => value === '' || (typeof value === 'string' && isMxcUri(value)),
  'm.tz': (value) => typeof value === 'string' && value.length <= MAX_NAME_LENGTH,
}

/** Throws 400 `M_KEY_TOO_LARGE` or `M_INVALID_PARAM` for what is no field name. */
export function checkFieldName(name: string): void {
  if (Buffer.byteLength(name) > MAX_KEY_BYTES)
    throw new MatrixError(400, 'M_KEY_TOO_LARGE', 'The field name is too long')
  if (!FIELD_NAME.test(name)) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a profile field name')
}

export function checkFieldValue(name: string, value: JsonValue | undefined): JsonValue {
  if (value === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', `Missing parameter: ${name}`)
  const accepts = Object.hasOwn(VALUE_RULES, name) ? VALUE_RULES[name] : undefined
  if (accepts && !accepts(value)) throw new MatrixError(400, 'M_INVALID_PARAM', `Not a value for ${name}`)
  return value
}

function isMxcUri(text: string): boolean {
  return text.length <= MAX_URL_LENGTH && /^mxc:\/\/[^/\s]+\/[A-Za-z0-9_-]+$/.test(text)
}
