import { JsonError } from './json-error.ts'
import { DEFAULT_MAX_DEPTH } from './strict-parse.ts'
import type { JsonValue } from './value.ts'

/**
 * Checks that a value made in-process (a client's content after its own parsing, a caller's object) is JSON as events allow
 * it: integers within ±(2^53−1), whole surrogate pairs, plain objects, at most 100 deep. Throws `JsonError`; returns
 * the same value.
 */
export function validateJsonValue(value: unknown): JsonValue {
  check(value, 0)
  return value as JsonValue
}

function check(value: unknown, depth: number): void {
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'string') {
    checkString(value)
    return
  }
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return
    throw new JsonError('bad_number', `${Object.is(value, -0) ? '-0' : value} is no number of canonical JSON`)
  }
  if (typeof value !== 'object') throw new JsonError('not_json', `${typeof value} has no form in JSON`)
  if (depth >= DEFAULT_MAX_DEPTH) throw new JsonError('too_deep', `nested deeper than ${DEFAULT_MAX_DEPTH}`)
  if (Array.isArray(value)) {
    for (const item of value) check(item, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new JsonError('not_json', 'a class instance has no form in JSON')
  }
  for (const [key, item] of Object.entries(value)) {
    checkString(key)
    if (item !== undefined) check(item, depth + 1)
  }
}

function checkString(text: string): void {
  if (!text.isWellFormed()) throw new JsonError('lone_surrogate', 'lone surrogate')
}
