import { Worker } from 'node:worker_threads'
import type { ThreadMessage } from './client-fuzz-worker.ts'
import type { ClientFuzzOptions, ClientFuzzReport } from './run-client-fuzz.ts'

/** Runs the requests in as many pairs of threads (a client, its server) as asked for. */
export async function fuzzClientsInThreads(
  { progress, ...options }: ClientFuzzOptions,
  workers: number,
): Promise<ClientFuzzReport> {
  const share = Math.ceil(options.count / workers)
  const reports = await Promise.all(
    Array.from({ length: workers }, (_, index) => {
      const count = Math.min(share, options.count - index * share)
      return count > 0 ? inThread({ ...options, count, seed: (options.seed + index * 7_654_321) | 0 }, progress) : []
    }).flat(),
  )
  return reports.reduce(sum)
}

function inThread(options: ClientFuzzOptions, progress: ClientFuzzOptions['progress']): Promise<ClientFuzzReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./client-fuzz-worker.ts', import.meta.url), { workerData: options })
    worker.on('message', (message: ThreadMessage) => {
      if ('report' in message) resolve(message.report)
      else progress?.(message.sent)
    })
    worker.once('error', reject)
    worker.once('exit', (code) =>
      reject(new Error(`a thread of the fuzzer ended with code ${code} and without a report`)),
    )
  })
}

function sum(a: ClientFuzzReport, b: ClientFuzzReport): ClientFuzzReport {
  return {
    requests: a.requests + b.requests,
    faults: added(a.faults, b.faults) as ClientFuzzReport['faults'],
    statuses: added(a.statuses, b.statuses),
    operations: union(a.operations, b.operations),
    succeeded: union(a.succeeded, b.succeeded),
    longestTurnMs: Math.max(a.longestTurnMs, b.longestTurnMs),
    heapGrowthMb: Math.max(a.heapGrowthMb, b.heapGrowthMb),
    kept: [...a.kept, ...b.kept],
  }
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort()
}

function added(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return Object.fromEntries(keys.map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]))
}
