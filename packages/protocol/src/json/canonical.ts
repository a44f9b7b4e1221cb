import { compareCodePoints } from './code-point-order.ts'
import { JsonError } from './json-error.ts'
import { DEFAULT_MAX_DEPTH } from './strict-parse.ts'
import type { JsonObject, JsonValue } from './value.ts'

export interface CanonicalOptions {
  /** `any` writes finite fractions as JavaScript does; for room versions 1 to 5 only. Default `integers`. */
  readonly numbers?: 'integers' | 'any'
  /** Objects and arrays inside one another, the outermost counted. Default 100. */
  readonly maxDepth?: number
}

/**
 * Canonical JSON (appendices, "Canonical JSON"): shortest form, keys by code point. A property that is `undefined` is left out.
 * Throws `JsonError` for what has no canonical form: fractions, integers beyond ±(2^53−1), `-0`, lone surrogates,
 * non-JSON values, depth over `maxDepth`.
 */
export function canonicalJson(value: JsonValue, options?: CanonicalOptions): string {
  return write(value, options?.numbers === 'any', options?.maxDepth ?? DEFAULT_MAX_DEPTH)
}

/** {@link canonicalJson} in UTF-8: what is hashed and signed. */
export function canonicalBytes(value: JsonValue, options?: CanonicalOptions): Uint8Array {
  return utf8.encode(canonicalJson(value, options))
}

const utf8 = new TextEncoder()

/**
 * The members of an object, each as it stands in canonical JSON (`"key":value`), in order: several forms that leave out
 * different members are joined from them without writing the whole anew. Throws as {@link canonicalJson}.
 */
export function canonicalMembers(
  object: JsonObject,
  options?: CanonicalOptions,
): readonly (readonly [key: string, text: string])[] {
  const room = (options?.maxDepth ?? DEFAULT_MAX_DEPTH) - 1
  const members: [string, string][] = []
  for (const key of sortedKeys(object)) {
    const value = object[key]
    if (value === undefined) continue
    members.push([key, `${writeString(key)}:${write(value, options?.numbers === 'any', room)}`])
  }
  return members
}

/** `room`: how many levels of objects and arrays may still come. */
function write(value: unknown, anyNumber: boolean, room: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value)
    case 'number':
      return writeNumber(value, anyNumber)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (room === 0) throw new JsonError('too_deep', 'nested too deeply')
      return Array.isArray(value)
        ? writeArray(value, anyNumber, room - 1)
        : writeObject(value as JsonObject, anyNumber, room - 1)
    default:
      throw new JsonError('not_json', `${typeof value} has no form in JSON`)
  }
}

function writeArray(items: readonly unknown[], anyNumber: boolean, room: number): string {
  let text = '['
  for (let i = 0; i < items.length; i++)
    text += i === 0 ? write(items[i], anyNumber, room) : `,${write(items[i], anyNumber, room)}`
  return `${text}]`
}

function writeObject(object: JsonObject, anyNumber: boolean, room: number): string {
  const prototype = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null)
    throw new JsonError('not_json', 'a class instance has no form in JSON')
  let text = '{'
  for (const key of sortedKeys(object)) {
    const value = object[key]
    if (value === undefined) continue
    text += `${text.length === 1 ? '' : ','}${writeString(key)}:${write(value, anyNumber, room)}`
  }
  return `${text}}`
}

/** Keys by code point. Events that come canonical are in order already; sorting by code unit differs only from U+D800 on. */
function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object)
  let sorted = true
  let previous = ''
  for (const key of keys) {
    if (HIGH.test(key)) return keys.sort(compareCodePoints)
    if (key < previous) sorted = false
    previous = key
  }
  return sorted ? keys : keys.sort()
}

const HIGH = /[\ud800-\uffff]/
// Without these a string is its own JSON form.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what JSON escapes
const SPECIAL = /["\\\u0000-\u001f\ud800-\udfff]/

function writeString(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`
  if (!text.isWellFormed()) throw new JsonError('lone_surrogate', 'lone surrogate')
  // JSON.stringify escapes exactly what the grammar of canonical JSON escapes, in the same shortest form.
  return JSON.stringify(text)
}

function writeNumber(value: number, anyNumber: boolean): string {
  if (Object.is(value, -0) && !anyNumber) throw new JsonError('bad_number', '-0 is no number of canonical JSON')
  if (Number.isSafeInteger(value) || (anyNumber && Number.isFinite(value))) return String(value)
  throw new JsonError('bad_number', `${value} is no number of canonical JSON`)
}
