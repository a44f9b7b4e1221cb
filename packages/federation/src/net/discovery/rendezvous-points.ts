import type { ServerName } from '@starling/protocol'
import { serverPoint } from '../requests/reach.ts'

/** A suffix of a server name that tells one person from others of the same display name (DESIGN section 4). */
export const SUFFIX_LENGTHS = [7, 8, 9, 10] as const
export const SHORTEST_SUFFIX = 7
export const LONGEST_SUFFIX = 10

/** A display name as it is compared: compatibility forms, case and runs of white space do not matter. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC').trim().replace(/\s+/g, ' ')
}

export function namePoint(name: string, suffix: string): string {
  return `${foldName(name)}:${suffix}`
}

/** Everything that a server with these display names is to be found at. */
export function pointsOf(server: ServerName, displayNames: readonly string[]): string[] {
  const points = new Set([serverPoint(server)])
  for (const name of displayNames) {
    for (const length of SUFFIX_LENGTHS) points.add(namePoint(name, server.slice(-length)))
  }
  return [...points]
}
