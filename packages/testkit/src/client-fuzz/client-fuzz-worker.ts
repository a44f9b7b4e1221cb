import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadMessage } from '../fuzz/share-among-threads.ts'
import { type ClientFuzzOptions, type ClientFuzzReport, runClientFuzz } from './run-client-fuzz.ts'

const say = (message: ThreadMessage<ClientFuzzReport>) => parentPort?.postMessage(message)

say({ report: await runClientFuzz({ ...(workerData as ClientFuzzOptions), progress: (done) => say({ done }) }) })
