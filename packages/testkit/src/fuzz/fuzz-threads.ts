import type { FuzzOptions, FuzzReport } from './run-fuzz.ts'
import { added, shareAmongThreads } from './share-among-threads.ts'

/** Runs the mutants in as many threads as asked for. */
export async function fuzzInThreads(options: FuzzOptions, workers = 1): Promise<FuzzReport> {
  const worker = new URL('./fuzz-worker.ts', import.meta.url)
  return (await shareAmongThreads<FuzzReport>(worker, options, workers)).reduce(sum)
}

function sum(a: FuzzReport, b: FuzzReport): FuzzReport {
  return {
    mutants: a.mutants + b.mutants,
    uncaught: a.uncaught + b.uncaught,
    faults: added(a.faults, b.faults) as FuzzReport['faults'],
    longestStallMs: Math.max(a.longestStallMs, b.longestStallMs),
    heapPeakMb: Math.max(a.heapPeakMb, b.heapPeakMb),
    heapGrowthMb: Math.max(a.heapGrowthMb, b.heapGrowthMb),
    verdicts: added(a.verdicts, b.verdicts),
    kept: [...a.kept, ...b.kept],
  }
}
