import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzOptions, type FuzzReport, runFuzz } from './run-fuzz.ts'
import type { ThreadMessage } from './share-among-threads.ts'

const say = (message: ThreadMessage<FuzzReport>) => parentPort?.postMessage(message)

say({ report: await runFuzz({ ...(workerData as FuzzOptions), progress: (done) => say({ done }) }) })
