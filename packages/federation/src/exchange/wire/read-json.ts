import type { JsonObject, JsonValue } from '@starling/protocol'

/** A JSON object, not an array and not null; undefined for anything else. */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
}

export function asArray(value: unknown): readonly JsonValue[] | undefined {
  return Array.isArray(value) ? value : undefined
}

export function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** An integer within [min, max]. */
export function asInteger(value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined
}

/** The same for a query parameter. */
export function parseInteger(text: string | null, min: number): number | undefined {
  return text !== null && /^-?\d{1,16}$/.test(text) ? asInteger(Number(text), min) : undefined
}
