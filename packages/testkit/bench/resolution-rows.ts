import { resolutionFigures } from '../../protocol/bench/resolution.ts'
import type { Row } from './table.ts'

const AIMS: Readonly<Record<number, string>> = { 1000: '≤ 25 ms', 10000: '≤ 12×' }

/** CPU time to resolve two branches of a version 12 room; the largest beside the next smaller, whose ratio tells how it grows. */
export async function resolutionRows(): Promise<Row[]> {
  const rows: Row[] = []
  for (const shape of ['bans and settings', 'joins and bans', 'power levels'] as const) {
    const figures = await resolutionFigures([10, 100, 1_000, 10_000], ['12'], [shape])
    const thousand = figures.find(({ forks }) => forks === 1_000)?.milliseconds
    for (const { forks, milliseconds } of figures) {
      const aim = AIMS[forks]
      rows.push({
        what: `state resolution of ${forks.toLocaleString('en')} fork events (${shape})`,
        unit: 'ms',
        node: milliseconds,
        ...(forks === 10_000 && thousand !== undefined && { floor: thousand }),
        ...(aim !== undefined && { aim }),
      })
    }
  }
  return rows
}
