import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Text of the child's outputs that is kept for a failure's message. */
const MAX_KEPT_OUTPUT = 64 * 1024
const CALL_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5000

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** A script that runs in a namespace and answers calls, on the test's side. */
export class NamespaceProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #nextId = 0
  #output = ''

  constructor(child: ChildProcess) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_KEPT_OUTPUT)
      })
    }
    child.on('message', (message) => this.#settle(message as Answer))
    child.on('exit', (code, signal) => this.#failAll(`exited with ${code ?? signal}`))
    child.on('error', (error) => this.#failAll(error.message))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** What it printed so far, to either output; the last 64 Ki characters. */
  get output(): string {
    return this.#output
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Calls a method that the script serves. Rejects with its error, or when the script ends or is silent for a minute. */
  async call<T>(method: string, params: unknown = {}, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
    if (!this.#child.connected) throw new Error(`${method}: the process is gone\n${this.#output}`)
    const id = this.#nextId++
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, answer)
    const timer = setTimeout(() => {
      answer.reject(new Error(`${method}: no answer within ${timeoutMs} ms\n${this.#output}`))
    }, timeoutMs)
    this.#child.send({ id, method, params })
    try {
      return (await answer.promise) as T
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** SIGTERM, then SIGKILL; resolves once it is gone. */
  async stop(): Promise<void> {
    if (!this.running) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await gone
    clearTimeout(timer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #settle({ id, result, error }: Answer): void {
    const answer = this.#waiting.get(id)
    if (error === undefined) answer?.resolve(result)
    else answer?.reject(new Error(`${error}\n${this.#output}`))
  }

  #failAll(reason: string): void {
    for (const answer of this.#waiting.values()) answer.reject(new Error(`process ${reason}\n${this.#output}`))
  }
}

type Methods = Readonly<Record<string, (params: never) => unknown>>

/** The script's side: answers the test's calls with these methods until the test ends the process. */
export function serveNamespaceProcess(methods: Methods): void {
  process.on('message', (message) => {
    const { id, method, params } = message as { id: number; method: string; params: never }
    answer(method, params).then(
      (result) => process.send?.({ id, result }),
      (error: unknown) =>
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : error }),
    )
  })
  // The test process is gone, however it ended: nobody else would end this one.
  process.on('disconnect', () => process.exit(0))

  async function answer(method: string, params: never): Promise<unknown> {
    const handle = methods[method]
    if (!handle) throw new Error(`this script serves no "${method}"`)
    return handle(params)
  }
}
