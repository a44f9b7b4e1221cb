import type { JsonObject, JsonValue } from '@starling/protocol'

/** Kept whatever a filter asks for: without them a client cannot place an event. A server may send more than was asked. */
const ALWAYS = ['event_id', 'type', 'state_key', 'sender', 'room_id'] as const

/**
 * Applies `event_fields`: only the named properties of an event (appendices, "Dot-separated property paths": `\.` is a dot
 * within a name, `\\` a backslash). Without the list, events pass as they are.
 */
export function eventFields(paths: readonly string[] | undefined): (event: JsonObject) => JsonObject {
  if (!paths) return (event) => event
  const split = paths.map(splitPath)
  return (event) => {
    const picked = new Map<string, JsonValue>()
    for (const name of ALWAYS) copy(event, picked, [name])
    for (const path of split) copy(event, picked, path)
    return Object.fromEntries(materialise(picked)) as JsonObject
  }
}

function splitPath(path: string): string[] {
  const names: string[] = ['']
  for (let i = 0; i < path.length; i++) {
    const character = path.charAt(i)
    const next = path.charAt(i + 1)
    if (character === '\\' && (next === '.' || next === '\\')) {
      names[names.length - 1] += next
      i++
    } else if (character === '.') names.push('')
    else names[names.length - 1] += character
  }
  return names
}

/** A tree of maps, so that `__proto__` in a path is a name like any other. */
type Picked = Map<string, JsonValue | Picked>

function copy(source: JsonObject, target: Map<string, JsonValue>, path: readonly string[]): void {
  let from: JsonValue | undefined = source
  for (const name of path) {
    if (typeof from !== 'object' || from === null || Array.isArray(from) || !Object.hasOwn(from, name)) return
    from = (from as JsonObject)[name]
  }
  if (from === undefined) return
  let into: Picked = target as Picked
  for (const name of path.slice(0, -1)) {
    const inner = into.get(name)
    // An outer property that was picked whole already holds the inner one.
    if (inner !== undefined && !(inner instanceof Map)) return
    const next: Picked = inner ?? new Map()
    into.set(name, next)
    into = next
  }
  into.set(path.at(-1) ?? '', from)
}

function materialise(picked: Picked | Map<string, JsonValue>): [string, JsonValue][] {
  return [...(picked as Picked)].map(([name, value]) => [
    name,
    value instanceof Map ? (Object.fromEntries(materialise(value)) as JsonObject) : value,
  ])
}
