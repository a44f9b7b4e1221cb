import type { JsonValue } from '@starling/protocol'

/** Entries of a list that are looked at; of a longer one, as many spread over it. */
const SAMPLE = 200

/** Characters that a value takes as JSON, roughly: for rations, where counting is to cost far less than what it counts. */
export function jsonSize(value: JsonValue | undefined): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 8
  let size = 2
  if (Array.isArray(value)) {
    const step = Math.max(1, Math.ceil(value.length / SAMPLE))
    for (let at = 0; at < value.length; at += step) size += step * (jsonSize(value[at]) + 1)
    return size
  }
  for (const [key, one] of Object.entries(value)) size += key.length + 4 + jsonSize(one as JsonValue)
  return size
}
