import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzOptions, runFuzz } from './run-fuzz.ts'

/** One thread of a run: its options in, its report out. */
parentPort?.postMessage(await runFuzz(workerData as FuzzOptions))
