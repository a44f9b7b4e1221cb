import { readFileSync } from 'node:fs'

export interface VectorFile<Case> {
  readonly about: string
  readonly cases: readonly Case[]
}

export interface NamedCase {
  readonly name: string
}

export const VECTOR_FILES = [
  'auth-rules.json',
  'base64.json',
  'canonical-json.json',
  'event-hashes.json',
  'identifiers.json',
  'json-signing.json',
  'redaction.json',
  'state-resolution.json',
] as const

/** A fixture of `packages/protocol/vectors`; `Extra` are its keys beside `about` and `cases`. */
export function loadVectors<Case extends NamedCase, Extra = unknown>(
  file: (typeof VECTOR_FILES)[number],
): VectorFile<Case> & Extra {
  const text = readFileSync(new URL(`../../../protocol/vectors/${file}`, import.meta.url), 'utf8')
  return JSON.parse(text) as VectorFile<Case> & Extra
}

/** `"6-11"` or `"12"`: every room version that it names. */
export function versionsIn(range: string): readonly string[] {
  const [from, to = from] = range.split('-').map(Number)
  if (from === undefined || to === undefined || !(from <= to)) throw new RangeError(`${range} is no range of versions`)
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
}

export interface VectorSigner {
  readonly server: string
  readonly key_id: string
  readonly seed: string
  readonly public_key: string
}
