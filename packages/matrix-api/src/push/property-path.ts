import { isJsonObject, type JsonObject, type JsonValue, ownValue } from '@starling/protocol'

/**
 * The value at a dot-separated property path (appendices), where `\.` and `\\` stand for a literal dot and backslash. Undefined
 * where any part is missing.
 */
export function propertyAt(object: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = object
  for (const name of splitPath(path)) {
    if (!isJsonObject(value)) return undefined
    value = ownValue(value, name)
  }
  return value
}

export function splitPath(path: string): string[] {
  const names: string[] = []
  let name = ''
  for (let i = 0; i < path.length; i++) {
    const character = path[i]
    const next = path[i + 1]
    if (character === '\\' && (next === '.' || next === '\\')) {
      name += next
      i++
    } else if (character === '.') {
      names.push(name)
      name = ''
    } else name += character
  }
  names.push(name)
  return names
}
