import { localpartOf, serverOf } from '@starling/protocol'
import type { FoundUser } from '../ports.ts'

/** How well a person fits a search term: the smaller the better; undefined: not at all. Case and width do not matter. */
export function rankOf(person: FoundUser, term: string): number | undefined {
  const wanted = fold(term)
  if (wanted === '') return undefined
  const userId = fold(person.userId)
  const name = fold(person.displayName ?? '')
  const localpart = fold(localpartOf(person.userId))
  if (userId === wanted || fold(serverOf(person.userId)) === wanted) return 0
  if (fitsNameAndSuffix(wanted, name, userId)) return 0
  if (name === wanted || localpart === wanted) return 1
  if (name.startsWith(wanted) || localpart.startsWith(wanted)) return 2
  if (name.split(/\s+/).some((word) => word.startsWith(wanted))) return 3
  return name.includes(wanted) || userId.includes(wanted) ? 4 : undefined
}

/** `<display name>:<last characters of the server name>`: how people here tell each other where to find them. */
function fitsNameAndSuffix(wanted: string, name: string, userId: string): boolean {
  const colon = wanted.lastIndexOf(':')
  if (colon < 1 || colon === wanted.length - 1 || name === '') return false
  return name === wanted.slice(0, colon).trim() && userId.endsWith(wanted.slice(colon + 1).trim())
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim()
}
