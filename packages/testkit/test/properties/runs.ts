/**
 * How often a property is tried: `base` times, multiplied by `STARLING_PROPERTY_RUNS` (1 by default; 100 for a long proof). The seed is
 * fresh each time and printed; `STARLING_PROPERTY_SEED` gives one again.
 */
export function propertyRuns(name: string, base: number): { readonly numRuns: number; readonly seed: number } {
  const numRuns = Math.ceil(base * positive('STARLING_PROPERTY_RUNS', 1))
  const seed = positive('STARLING_PROPERTY_SEED', Math.trunc(Math.random() * 0x7fffffff))
  console.log(`${name}: ${numRuns} cases, STARLING_PROPERTY_SEED=${seed}`)
  return { numRuns, seed }
}

function positive(variable: string, fallback: number): number {
  const text = process.env[variable]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!(value > 0)) throw new RangeError(`${variable} is to be a number above 0`)
  return value
}
