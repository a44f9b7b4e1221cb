import { parentPort } from 'node:worker_threads'
import { verifyPacked } from './packed-signatures.ts'

/** A thread that checks signatures by libsodium, list by list, in the order in which they come. */
parentPort?.on('message', (packed: ArrayBuffer) => {
  const outcome = verifyPacked(packed)
  parentPort?.postMessage(outcome, [outcome.buffer])
})
parentPort?.postMessage('ready')
