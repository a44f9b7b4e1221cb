import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { SignedMessage } from '@starling/protocol'
import { nodeCrypto } from './sodium-crypto.ts'
import { VerifyThread } from './verify-thread.ts'

const { ed25519 } = nodeCrypto

/** A hundred signatures, some of them wrong in each of the ways there are. */
const signed: readonly SignedMessage[] = Array.from({ length: 100 }, (_, n) => {
  const seed = new Uint8Array(32).fill(n)
  const message = new TextEncoder().encode('message '.repeat(n))
  const right = { publicKey: ed25519.publicKey(seed), message, signature: ed25519.sign(seed, message) }
  if (n % 10 === 3) return { ...right, message: new TextEncoder().encode('another') }
  if (n % 10 === 5) return { ...right, publicKey: ed25519.publicKey(new Uint8Array(32).fill(200)) }
  return right
})
const expected = signed.map((one) => ed25519.verify(one.publicKey, one.message, one.signature))
const odd: readonly SignedMessage[] = [...signed, { ...(signed[0] as SignedMessage), signature: new Uint8Array(63) }]

/** A thread that answers from now on, and how often it was started. */
async function readyThread(script: () => Worker) {
  let started = 0
  let worker: Worker | undefined
  const thread = new VerifyThread(() => {
    started++
    worker = script()
    return worker
  })
  await thread.verifyMany(signed)
  await new Promise((resolve) => worker?.once('message', resolve))
  return { thread, worker: worker as Worker, started: () => started }
}

const real = () => new Worker(new URL('./verify-worker.ts', import.meta.url))

test('lists are judged by the thread as one by one, in their order, whatever is under way', async () => {
  const { thread, worker, started } = await readyThread(real)
  let answers = 0
  worker.on('message', () => answers++)
  const slices = Array.from({ length: 20 }, (_, n) => [n, 50 + n] as const)
  const outcomes = await Promise.all(slices.map(([from, to]) => thread.verifyMany(signed.slice(from, to))))
  for (const [index, [from, to]] of slices.entries()) assert.deepEqual(outcomes[index], expected.slice(from, to))
  assert.deepEqual(await thread.verifyMany(odd), [...expected, false], 'a signature of a wrong length is wrong')
  assert.deepEqual(await thread.verifyMany([]), [])
  assert.equal(started(), 1)
  // The rest of the twenty was checked on this thread: what waits is bounded.
  assert.equal(answers, 8)
  await worker.terminate()
})

test('what a thread leaves behind that ends is judged here, and a thread that keeps ending is not started for ever', async () => {
  const dying = () =>
    new Worker(
      "const { parentPort } = require('node:worker_threads'); parentPort.postMessage('ready'); parentPort.on('message', () => process.exit(1))",
      { eval: true },
    )
  let started = 0
  let ready: Promise<unknown> = Promise.resolve()
  const thread = new VerifyThread(() => {
    started++
    const worker = dying()
    ready = new Promise((resolve) => worker.once('message', resolve))
    return worker
  })
  for (let round = 0; round < 6; round++) {
    assert.deepEqual(await thread.verifyMany(signed), expected)
    await ready
    assert.deepEqual(await thread.verifyMany(signed), expected)
  }
  assert.equal(started, 3)
})
