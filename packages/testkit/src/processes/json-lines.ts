import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A request to an agent process and its answer, one JSON object per line. */
export interface AgentRequest {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type AgentAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** Lines of standard error kept to explain a failure; older ones are dropped first. */
const KEPT_LOG_LINES = 200

/** A child process that answers method calls over its standard input and output; its standard error is kept for failures. */
export class AgentProcess implements AsyncDisposable {
  readonly child: ChildProcess
  readonly #name: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #log: string[] = []
  #nextId = 1

  constructor(name: string, command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [program = '', ...args] = command
    this.#name = name
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    const { stdout, stderr } = this.child
    if (!stdout || !stderr) throw new Error('spawned without pipes')
    createInterface({ input: stdout }).on('line', (line) => this.#answered(line))
    createInterface({ input: stderr }).on('line', (line) => {
      this.#log.push(line)
      if (this.#log.length > KEPT_LOG_LINES) this.#log.shift()
    })
    this.child.once('exit', (code, signal) => this.#ended(`ended with ${signal ?? code}`))
    this.child.once('error', (error) => this.#ended(error.message))
  }

  /** @throws Error with what the method threw there, and the agent's last log lines. */
  call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    const request: AgentRequest = { id: this.#nextId++, method, args }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(request.id, { resolve: (result) => resolve(result as T), reject })
      this.child.stdin?.write(`${JSON.stringify(request)}\n`)
    })
  }

  log(): string {
    return this.#log.join('\n')
  }

  /** Ends the process by closing its input, then by SIGKILL after two seconds. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    const kill = setTimeout(() => this.child.kill('SIGKILL'), 2_000)
    this.child.stdin?.end()
    await ended
    clearTimeout(kill)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #answered(line: string): void {
    const answer = JSON.parse(line) as AgentAnswer
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('error' in answer)
      waiting?.reject(new Error(`${this.#name}: ${answer.error}\n${this.#log.slice(-20).join('\n')}`))
    else waiting?.resolve(answer.result)
  }

  #ended(how: string): void {
    for (const { reject } of this.#waiting.values())
      reject(new Error(`${this.#name} ${how}\n${this.#log.slice(-20).join('\n')}`))
    this.#waiting.clear()
  }
}

/** The other end: answers each line of standard input from a table of methods, concurrently. */
export function serveAgent(methods: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  // Standard output carries answers only: whatever a library prints goes to the log.
  console.log = console.error
  console.info = console.error
  console.debug = console.error
  const answer = (value: AgentAnswer) => process.stdout.write(`${JSON.stringify(value)}\n`)
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const { id, method, args } = JSON.parse(line) as AgentRequest
    Promise.try(() => {
      const found = methods[method]
      if (!found) throw new Error(`no such method: ${method}`)
      return found(...(args as never[]))
    }).then(
      (result) => answer({ id, result: result ?? null }),
      (error: unknown) =>
        answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  lines.once('close', () => process.exit(0))
}
