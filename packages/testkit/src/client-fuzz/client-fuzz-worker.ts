import { parentPort, workerData } from 'node:worker_threads'
import { type ClientFuzzOptions, type ClientFuzzReport, runClientFuzz } from './run-client-fuzz.ts'

/** What a thread of a run says: how many requests more have been sent, and at its end its report. */
export type ThreadMessage = { readonly sent: number } | { readonly report: ClientFuzzReport }

const say = (message: ThreadMessage) => parentPort?.postMessage(message)

say({ report: await runClientFuzz({ ...(workerData as ClientFuzzOptions), progress: (sent) => say({ sent }) }) })
