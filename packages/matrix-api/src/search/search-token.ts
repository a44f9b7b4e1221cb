import { z } from 'zod'
import { MatrixError } from '../http/matrix-error.ts'
import type { GroupKey } from './search-input.ts'

/** Where a search goes on. */
export interface SearchToken {
  /** The newest document at the first page: what came later is left out, so that ranks stay as they were. */
  readonly newest: number
  /** Results before this one have been given: by value (rank or time), then by document, both descending. */
  readonly value: number
  readonly document: number
  /** Only results of this group. */
  readonly group?: { readonly key: GroupKey; readonly value: string } | undefined
}

const PREFIX = 'x'
const MAX_LENGTH = 1_000

const shape = z.union([
  z.tuple([z.number(), z.number(), z.number()]),
  z.tuple([z.number(), z.number(), z.number(), z.enum(['room_id', 'sender']), z.string().max(255)]),
])

export function formatSearchToken({ newest, value, document, group }: SearchToken): string {
  const parts = [newest, value, document, ...(group ? [group.key, group.value] : [])]
  return PREFIX + Buffer.from(JSON.stringify(parts), 'utf8').toString('base64url')
}

/** Throws 400 `M_INVALID_PARAM` for what is no token. A made-up one leads to results that its maker may see anyway. */
export function parseSearchToken(text: string | undefined): SearchToken | undefined {
  if (text === undefined || text === '') return undefined
  const parts = text.length <= MAX_LENGTH && text.startsWith(PREFIX) ? decode(text.slice(PREFIX.length)) : undefined
  const result = shape.safeParse(parts)
  if (!result.success) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a token of this server: next_batch')
  const [newest, value, document, key, group] = result.data
  return { newest, value, document, ...(key && group !== undefined && { group: { key, value: group } }) }
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
