import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzOptions, type FuzzReport, runFuzz } from './run-fuzz.ts'

/** What a thread of a run says: how many mutants more have been thrown, and at its end its report. */
export type ThreadMessage = { readonly thrown: number } | { readonly report: FuzzReport }

const say = (message: ThreadMessage) => parentPort?.postMessage(message)

say({ report: await runFuzz({ ...(workerData as FuzzOptions), progress: (thrown) => say({ thrown }) }) })
