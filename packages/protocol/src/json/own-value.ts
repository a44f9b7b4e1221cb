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

/** A copy without these keys. */
export function withoutKeys(object: JsonObject, ...keys: readonly string[]): JsonObject {
  const copy: { [key: string]: JsonValue | undefined } = { ...object }
  for (const key of keys) delete copy[key]
  return copy
}
