import { isJsonObject, JsonError, type JsonErrorCode, type JsonObject, parseStrictJson } from '@starling/protocol'
import { MatrixError } from './matrix-error.ts'

/** What no parser would take is `M_NOT_JSON`; what parses elsewhere but says something we refuse is `M_BAD_JSON`. */
const ERRCODES: Readonly<Record<JsonErrorCode, 'M_NOT_JSON' | 'M_BAD_JSON'>> = {
  syntax: 'M_NOT_JSON',
  bad_utf8: 'M_NOT_JSON',
  not_json: 'M_NOT_JSON',
  too_large: 'M_BAD_JSON',
  too_deep: 'M_BAD_JSON',
  duplicate_key: 'M_BAD_JSON',
  bad_number: 'M_BAD_JSON',
  lone_surrogate: 'M_BAD_JSON',
}

/** A client's body as an object. Duplicate keys, lone surrogates, deep nesting and (for events) floats are 400. */
export function parseJsonBody(bytes: Uint8Array, numbers: 'any' | 'integers'): JsonObject {
  try {
    const value = parseStrictJson(bytes, { numbers })
    if (isJsonObject(value)) return value
  } catch (error) {
    if (error instanceof JsonError)
      throw new MatrixError(400, ERRCODES[error.code], `The body is bad JSON: ${error.code}`)
    throw error
  }
  throw new MatrixError(400, 'M_BAD_JSON', 'The body is not a JSON object')
}
