import { appendFileSync, mkdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'

/** One line of the bench: this node beside the floor that was measured in the same run. */
export interface Row {
  readonly what: string
  readonly unit: string
  readonly node: number
  /** Undefined where nothing simpler does the same. */
  readonly floor?: number
  /** What the ratio (or, without a floor, the value) is meant to be, in words. */
  readonly aim?: string
}

/** The rows as text columns: value, floor, ratio, aim. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    `${round(row.node)} ${row.unit}`,
    row.floor === undefined ? '–' : `${round(row.floor)} ${row.unit}`,
    row.floor === undefined ? '–' : `${round(row.node / row.floor)}×`,
    row.aim ?? '',
  ])
  const lines = [['', 'node', 'floor', 'ratio', 'aim'], ...cells]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, widths[column] ?? 0, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Appends the table to a file named after the day, with what it was measured on. */
export function appendOutcome(path: string, rows: readonly Row[], commit: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
  appendFileSync(path, `\n${new Date().toISOString()}  commit ${commit}\n${machine}\n\n${formatTable(rows)}\n`)
}

function round(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 || column === 4 ? cell.padEnd(width) : cell.padStart(width)
}
