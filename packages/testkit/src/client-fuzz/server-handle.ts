import { Worker } from 'node:worker_threads'
import type { FaultKind } from './fault-log.ts'
import type {
  CommandMessage,
  CommandName,
  ServerCommands,
  ServerThreadOptions,
  ThreadMessage,
} from './server-thread.ts'

type Value<Name extends CommandName> = Awaited<ReturnType<ServerCommands[Name]>>

/** Longest wait for what the thread is asked to do, in milliseconds: one that computes for ever is as good as ended. */
const COMMAND_MS = 30_000

/** The server ended by itself. */
export class ServerGone extends Error {
  override readonly name = 'ServerGone'
}

/** The fuzzer's side of the thread in which the server runs: a fault there ends in the report, and its pauses are its own. */
export class ServerHandle {
  readonly #worker: Worker
  readonly #asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #onFault: (kind: FaultKind, what: string) => void
  #count = 0
  #over = false

  constructor(options: ServerThreadOptions, onFault: (kind: FaultKind, what: string) => void) {
    this.#onFault = onFault
    this.#worker = new Worker(new URL('./server-thread.ts', import.meta.url), { workerData: options })
    this.#worker.on('message', (message: ThreadMessage) => {
      if ('fault' in message) onFault(message.fault, message.what)
      else this.#settle(message)
    })
    this.#worker.on('error', (error) => onFault('crash', error.stack ?? error.message))
    this.#worker.once('exit', (code) => {
      if (!this.#over) onFault('crash', `the thread of the server ended with code ${code}`)
      this.#over = true
      for (const { reject } of this.#asked.values()) reject(new ServerGone('the thread of the server has ended'))
    })
  }

  get isOver(): boolean {
    return this.#over
  }

  ask<Name extends CommandName>(command: Name, argument = ''): Promise<Value<Name>> {
    if (this.#over) return Promise.reject(new ServerGone('the thread of the server has ended'))
    const id = ++this.#count
    const message: CommandMessage = { id, command, argument }
    return new Promise<Value<Name>>((resolve, reject) => {
      const giveUp = () => {
        this.#onFault('crash', `the thread of the server did not do its "${command}"`)
        reject(new ServerGone('the thread of the server does not answer'))
      }
      const timer = setTimeout(giveUp, COMMAND_MS)
      const settle = (then: () => void) => {
        clearTimeout(timer)
        then()
      }
      this.#asked.set(id, {
        resolve: (value) => settle(() => resolve(value as Value<Name>)),
        reject: (error) => settle(() => reject(error)),
      })
      this.#worker.postMessage(message)
    })
  }

  async end(): Promise<void> {
    this.#over = true
    await this.#worker.terminate()
  }

  #settle(message: Exclude<ThreadMessage, { fault: FaultKind }>): void {
    const asked = this.#asked.get(message.id)
    this.#asked.delete(message.id)
    if ('error' in message) asked?.reject(new Error(message.error))
    else asked?.resolve(message.value)
  }
}
