import { added, shareAmongThreads } from '../fuzz/share-among-threads.ts'
import type { ClientFuzzOptions, ClientFuzzReport } from './run-client-fuzz.ts'

/** Runs the requests in as many pairs of threads (a client, its server) as asked for. */
export async function fuzzClientsInThreads(options: ClientFuzzOptions, workers: number): Promise<ClientFuzzReport> {
  const worker = new URL('./client-fuzz-worker.ts', import.meta.url)
  return (await shareAmongThreads<ClientFuzzReport>(worker, options, workers)).reduce(sum)
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
