import type { z } from 'zod'
import { MatrixError } from './matrix-error.ts'

/**
 * Checks what a client sent against a schema and returns it typed. A missing key is `M_MISSING_PARAM`, a key of another
 * type `M_BAD_JSON`, a value out of bounds `M_INVALID_PARAM`: all 400. The message names the first offending key.
 */
export function checkInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input, { reportInput: true })
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const key = issue?.path.map(String).join('.') ?? ''
  if (issue?.code === 'invalid_type') {
    if (issue.input === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', `Missing parameter: ${key}`)
    throw new MatrixError(400, 'M_BAD_JSON', `Wrong type: ${key}`)
  }
  throw new MatrixError(400, 'M_INVALID_PARAM', `Invalid value: ${key}`)
}

/** An integer query parameter: `fallback` where absent, clamped to [min, max]; not a number → 400 `M_INVALID_PARAM`. */
export function integerQuery(
  query: Readonly<Record<string, string>>,
  name: string,
  bounds: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const text = query[name]
  if (text === undefined) return bounds.fallback
  if (!/^-?\d{1,20}$/.test(text)) throw new MatrixError(400, 'M_INVALID_PARAM', `Not an integer: ${name}`)
  return Math.min(bounds.max, Math.max(bounds.min, Number(text)))
}
