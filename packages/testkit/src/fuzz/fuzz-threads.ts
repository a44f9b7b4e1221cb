import { Worker } from 'node:worker_threads'
import type { ThreadMessage } from './fuzz-worker.ts'
import type { FuzzOptions, FuzzReport } from './run-fuzz.ts'

/** Runs the mutants in threads, so that what nobody catches ends in the report and not in the caller's process. */
export async function fuzzInThreads({ progress, ...options }: FuzzOptions, workers = 1): Promise<FuzzReport> {
  const share = Math.ceil(options.count / workers)
  const reports = await Promise.all(
    Array.from({ length: workers }, (_, index) => {
      const count = Math.min(share, options.count - index * share)
      return count > 0 ? inThread({ ...options, count, seed: (options.seed + index * 7_654_321) | 0 }, progress) : []
    }).flat(),
  )
  return reports.reduce(sum)
}

function inThread(options: FuzzOptions, progress: FuzzOptions['progress']): Promise<FuzzReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), { workerData: options })
    worker.on('message', (message: ThreadMessage) => {
      if ('report' in message) resolve(message.report)
      else progress?.(message.thrown)
    })
    worker.once('error', reject)
    worker.once('exit', (code) =>
      reject(new Error(`a thread of the fuzzer ended with code ${code} and without a report`)),
    )
  })
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

function added(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return Object.fromEntries(keys.map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]))
}
