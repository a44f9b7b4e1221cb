import { Worker } from 'node:worker_threads'

/** What a thread of a run says: how many more it has done, and at its end its report. */
export type ThreadMessage<Report> = { readonly done: number } | { readonly report: Report }

interface SharedOptions {
  /** 32 bits; each thread has another one that follows from it. */
  readonly seed: number
  readonly count: number
  readonly progress?: ((done: number) => void) | undefined
}

/**
 * Runs a fuzzer in threads, each with its share of the count, so that what nobody catches ends in the report and not in the
 * caller's process. `worker`: a module that runs its `workerData` and says {@link ThreadMessage}s.
 */
export async function shareAmongThreads<Report>(
  worker: URL,
  { progress, ...options }: SharedOptions,
  threads: number,
): Promise<Report[]> {
  const share = Math.ceil(options.count / threads)
  return Promise.all(
    Array.from({ length: threads }, (_, index) => {
      const count = Math.min(share, options.count - index * share)
      const own = { ...options, count, seed: (options.seed + index * 7_654_321) | 0 }
      return count > 0 ? inThread<Report>(worker, own, progress) : []
    }).flat(),
  )
}

function inThread<Report>(url: URL, options: object, progress: SharedOptions['progress']): Promise<Report> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { workerData: options })
    worker.on('message', (message: ThreadMessage<Report>) => {
      if ('report' in message) resolve(message.report)
      else progress?.(message.done)
    })
    worker.once('error', reject)
    worker.once('exit', (code) =>
      reject(new Error(`a thread of the fuzzer ended with code ${code} and without a report`)),
    )
  })
}

/** Two tallies as one, in the order of the names. */
export function added(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return Object.fromEntries(keys.map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]))
}
