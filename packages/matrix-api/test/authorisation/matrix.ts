import type { OperationRequest } from '../contract/operation.ts'
import type { Stage } from './stage.ts'

/** Who asks, in the order of a row's cells. */
export const COLUMNS = ['no token', 'wrong token', 'other user', 'left', 'banned', 'invited', 'other room'] as const
export type Column = (typeof COLUMNS)[number]

/**
 * What a cell has to be answered: a status, with the errcode of an error. After `told` what is asked for is meant for them too
 * (a room's name for who is invited to it); everything else, and the rest of such an answer, must hold nothing secret.
 */
export type Cell = `${number}` | `${number} ${string}`

/** Cells of one operation, without the last where it names nothing that could belong to another room. */
export type Cells = readonly [Cell, Cell, Cell, Cell, Cell, Cell] | readonly [Cell, Cell, Cell, Cell, Cell, Cell, Cell]

export interface Row {
  readonly id: string
  readonly cells: Cells
  /** Beyond the path, which is filled in with alice's things. */
  readonly request: (stage: Stage, asker: Column) => OperationRequest
  /** Whether it changes who may do what, so that it needs a stage of its own. */
  readonly changes: boolean
}

export function row(id: string, cells: Cells, request: OperationRequest | Row['request'] = {}): Row {
  return { id, cells, request: typeof request === 'function' ? request : () => request, changes: false }
}

export function changingRow(id: string, cells: Cells, request: OperationRequest | Row['request'] = {}): Row {
  return { ...row(id, cells, request), changes: true }
}

/** One answer for the four who are somebody. */
export function toAll(cell: Cell): Cells {
  return [...TOKEN, cell, cell, cell, cell]
}

/** With the last column. */
export function elsewhere(cells: Cells, cell: Cell): Cells {
  return [...(cells.slice(0, 6) as unknown as readonly [Cell, Cell, Cell, Cell, Cell, Cell]), cell]
}

export const TOKEN = ['401 M_MISSING_TOKEN', '401 M_UNKNOWN_TOKEN'] as const
export const FORBIDDEN = '403 M_FORBIDDEN'
export const NOT_FOUND = '404 M_NOT_FOUND'

/** The asker's own things, of which alice's are none. */
export const OWN = toAll('200')
/** Alice's own, asked for by her name. */
export const ALICES = toAll(FORBIDDEN)
/** Of no use to who is not in the room. */
export const MEMBERS = toAll(FORBIDDEN)
/** Read by members, and by former ones as it was when they went ("Room History Visibility"). */
export const READERS: Cells = [...TOKEN, FORBIDDEN, '200', '200', FORBIDDEN]
/** One event: there for members, and for former ones where it is old enough. */
export const EVENT_READERS: Cells = [...TOKEN, FORBIDDEN, NOT_FOUND, NOT_FOUND, FORBIDDEN, NOT_FOUND]
/** For anybody, token or not. */
export const PUBLIC: Cells = ['200', '200', '200', '200', '200', '200']
/** The same refusal for everybody. */
export function nobody(cell: Cell): Cells {
  return [cell, cell, cell, cell, cell, cell]
}
