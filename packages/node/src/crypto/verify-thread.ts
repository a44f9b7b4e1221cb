import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { SignedMessage } from '@starling/protocol'
import { packSignatures, SIGNATURE_LENGTHS, verifySignature } from './packed-signatures.ts'

/** Shorter lists cost less here than the way to the thread and back. */
const WORTH_A_THREAD = 16
/** Lists at the thread at a time; what comes beyond is checked here. A list is a page of events: some 200 KiB. */
const MAX_WAITING = 8
/** Signatures checked here between two turns of the event loop: some 3 ms. */
const SLICE = 50
/** The thread takes some 10 MiB: it ends after this long without work, in milliseconds. */
const IDLE_MS = 15_000
/** A thread that ended by itself is started anew so often in the life of the process. */
const MAX_CRASHES = 3

/**
 * Checks lists of signatures on a thread of their own, so that a large join neither holds up the event loop nor waits for it. The
 * thread starts with the first list; until it is ready, where it fails and where too much waits for it, lists are checked on the
 * caller's thread in slices, with the same outcome.
 */
export class VerifyThread {
  readonly #start: () => Worker
  /** Who waits for the thread's answers, in their order; undefined: it will not come. */
  readonly #waiting: ((outcome: Uint8Array | undefined) => void)[] = []
  #worker: Worker | undefined
  #ready = false
  #crashes = 0
  #idle: NodeJS.Timeout | undefined

  constructor(start: () => Worker = startWorker) {
    this.#start = start
  }

  async verifyMany(signed: readonly SignedMessage[]): Promise<readonly boolean[]> {
    const outcome = (await this.#elsewhere(signed)) ?? (await verifyHere(signed))
    return Array.from(outcome, (one) => one === 1)
  }

  /** Undefined where the list is to be checked here. */
  #elsewhere(signed: readonly SignedMessage[]): Promise<Uint8Array | undefined> {
    if (signed.length < WORTH_A_THREAD || !signed.every(isWhole)) return Promise.resolve(undefined)
    if (!this.#worker && this.#crashes < MAX_CRASHES) this.#open()
    if (!this.#worker || !this.#ready || this.#waiting.length >= MAX_WAITING) return Promise.resolve(undefined)
    const packed = packSignatures(signed)
    return new Promise((done) => {
      this.#waiting.push(done)
      this.#worker?.ref()
      this.#worker?.postMessage(packed, [packed])
    })
  }

  #open(): void {
    const worker = this.#start()
    this.#worker = worker
    worker.unref()
    worker.on('message', (message: 'ready' | Uint8Array) => {
      if (message === 'ready') this.#ready = true
      else this.#waiting.shift()?.(message)
      this.#restWhenDone()
    })
    worker.on('error', () => this.#lost(worker))
    worker.on('exit', () => this.#lost(worker))
  }

  #restWhenDone(): void {
    if (this.#waiting.length > 0) return
    this.#worker?.unref()
    if (this.#idle) this.#idle.refresh()
    else this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref()
  }

  #end(): void {
    if (this.#waiting.length > 0) return
    const worker = this.#worker
    this.#worker = undefined
    this.#ready = false
    void worker?.terminate()
  }

  /** What waited for it is checked here. */
  #lost(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#ready = false
    this.#crashes++
    for (const done of this.#waiting.splice(0)) done(undefined)
  }
}

function startWorker(): Worker {
  // Run from the sources as well as from the published build.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new Worker(new URL(`./verify-worker.${extension}`, import.meta.url))
}

function isWhole({ publicKey, signature }: SignedMessage): boolean {
  return publicKey.length === SIGNATURE_LENGTHS.publicKey && signature.length === SIGNATURE_LENGTHS.signature
}

async function verifyHere(signed: readonly SignedMessage[]): Promise<Uint8Array> {
  const outcome = new Uint8Array(signed.length)
  for (const [index, { publicKey, message, signature }] of signed.entries()) {
    if (index % SLICE === SLICE - 1) await turn()
    outcome[index] = verifySignature(publicKey, message, signature) ? 1 : 0
  }
  return outcome
}
