import { JsonError } from './json-error.ts'
import { scanJson } from './scan.ts'
import type { JsonObject, JsonValue } from './value.ts'

export interface StrictParseOptions {
  /**
   * `integers` (default): canonical JSON's numbers only. `any`: what JSON allows, as long as it is finite; for client bodies that
   * are no events, and events of room versions 1 to 5.
   */
  readonly numbers?: 'integers' | 'any'
  /** Objects and arrays inside one another, the outermost counted. Default 100. */
  readonly maxDepth?: number
  /** Bytes, or UTF-16 units where a string is given. Unbounded by default: bound the body before it is read. */
  readonly maxLength?: number
}

export const DEFAULT_MAX_DEPTH = 100

/**
 * Parses JSON and refuses what the language's own parser lets through or rewrites: duplicate keys, numbers that events may
 * not have, lone surrogates, bytes that are not UTF-8, a byte order mark, depth without end. Everything that it
 * returns is plain: `__proto__` and `constructor` are own data properties like any other (read strangers' keys with
 * `ownValue`). Throws `JsonError`.
 *
 * Linear: one native decode, one scan of the text, one native parse, and one walk of the value.
 */
export function parseStrictJson(input: string | Uint8Array, options: StrictParseOptions = {}): JsonValue {
  if (options.maxLength !== undefined && input.length > options.maxLength) {
    throw new JsonError(
      'too_large',
      `more than ${options.maxLength} ${typeof input === 'string' ? 'characters' : 'bytes'}`,
    )
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input)
  if (typeof input === 'string' && !text.isWellFormed())
    throw new JsonError('lone_surrogate', 'lone surrogate in the text')
  const members = scanJson(text, options.numbers ?? 'integers', options.maxDepth ?? DEFAULT_MAX_DEPTH)
  const value = parseNative(text)
  // The scan counted the members written, the value holds the members left: fewer means that a key came twice.
  if (countMembers(value) !== members) throw new JsonError('duplicate_key', 'an object has the same key twice')
  return value
}

/** {@link parseStrictJson} for what has to be an object. */
export function parseStrictObject(input: string | Uint8Array, options?: StrictParseOptions): JsonObject {
  const value = parseStrictJson(input, options)
  if (!isJsonObject(value)) throw new JsonError('not_json', 'expected an object')
  return value
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new JsonError('bad_utf8', 'not UTF-8', { cause })
  }
}

function parseNative(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    throw new JsonError('syntax', 'not JSON', { cause })
  }
}

function countMembers(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) count += countMembers(item)
    return count
  }
  const object = value as JsonObject
  // `for in` sees own keys only: nothing enumerable stands on Object.prototype.
  for (const key in object) {
    count++
    const item = object[key]
    if (typeof item === 'object' && item !== null) count += countMembers(item)
  }
  return count
}
