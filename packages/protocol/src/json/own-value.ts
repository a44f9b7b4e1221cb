import type { JsonObject, JsonValue } from './value.ts'

/**
 * `object[key]` for a key that a stranger chose: `undefined` unless it is the object's own, so that `constructor` or
 * `__proto__` never reach the prototype.
 */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** A copy with `key` set, as an own data property even where it is `__proto__`. */
export function withValue(object: JsonObject, key: string, value: JsonValue): JsonObject {
  // A computed key in a literal defines the property; assignment would call the prototype's setter.
  return { ...object, [key]: value }
}

/** The object without these keys: a copy, or the object itself where it has none of them. */
export function withoutKeys(object: JsonObject, ...keys: readonly string[]): JsonObject {
  if (!keys.some((key) => Object.hasOwn(object, key))) return object
  const copy: { [key: string]: JsonValue | undefined } = {}
  for (const [key, value] of Object.entries(object)) {
    // Assigning what is wanted keeps the engine's fast shapes, deleting what is not loses them (three times slower to encode).
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true })
    else if (!keys.includes(key)) copy[key] = value
  }
  return copy
}
