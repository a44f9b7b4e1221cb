import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { NodeInfo } from '@starling/node'
import type { SdkSession } from '../clients/sdk-types.ts'

const MAIN = fileURLToPath(import.meta.resolve('@starling/node/main'))

/** How long a node may take until it serves, on a busy machine. Milliseconds. */
const START_LIMIT_MS = 60_000

export interface StarlingProcessOptions {
  /** Kept over restarts; made in the temporary directory and removed at the end if not given. */
  readonly dataDir?: string
  readonly flags?: readonly string[]
  /** Put before the command, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What is run in the place of the node's own `main.ts`: one that has a fault, for the twin of a test. */
  readonly main?: string
}

/** How a run that was waited for went. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Flags for a node that only this test should ever meet. */
export const PRIVATE_FLAGS: readonly string[] = [
  '--bootstrap',
  'none',
  '--element-listen',
  'off',
  '--listen',
  '127.0.0.1:0',
]

/** A real node as its users run it: `main.ts` in a process of its own, known by its ready file. */
export class StarlingProcess implements AsyncDisposable {
  readonly dataDir: string
  readonly #options: StarlingProcessOptions
  #child: ChildProcess | undefined
  #info: NodeInfo | undefined
  #output = ''

  private constructor(options: StarlingProcessOptions) {
    this.#options = options
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'starling-node-'))
  }

  static async start(options: StarlingProcessOptions = {}): Promise<StarlingProcess> {
    const node = new StarlingProcess(options)
    await node.start()
    return node
  }

  get info(): NodeInfo {
    if (!this.#info) throw new Error('the node is not running')
    return this.#info
  }

  get pid(): number {
    return this.info.pid
  }

  /** Standard output and error of the run so far. */
  get output(): string {
    return this.#output
  }

  /** Starts it (again) on the same data directory. */
  async start(extraFlags: readonly string[] = []): Promise<void> {
    const readyFile = join(this.dataDir, 'ready.json')
    rmSync(readyFile, { force: true })
    this.#output = ''
    const [program = '', ...args] = [
      ...(this.#options.prefix ?? []),
      process.execPath,
      this.#options.main ?? MAIN,
      ...['--data-dir', this.dataDir, '--ready-file', readyFile],
      ...(this.#options.flags ?? PRIVATE_FLAGS),
      ...extraFlags,
    ]
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#options.env },
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString('utf8')).slice(-200_000)
      })
    }
    this.#info = await this.#ready(child, readyFile)
  }

  /** A clean stop. @returns the exit code. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<number | null> {
    return this.#end(signal)
  }

  /** As a power cut would: no chance to write anything. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Runs a subcommand on this node's data directory. */
  command(...args: readonly string[]): Ended {
    return StarlingProcess.run([...args, '--data-dir', this.dataDir], {}, this.#options.prefix)
  }

  /** Runs it with these words to its end. `status` is null where it did not end by itself in time. */
  static run(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    prefix: readonly string[] = [],
  ): Ended {
    const [program = '', ...rest] = [...prefix, process.execPath, MAIN, ...args]
    return spawnSync(program, rest, { encoding: 'utf8', timeout: START_LIMIT_MS, env: { ...process.env, ...env } })
  }

  /** A new session of the owner, by `starling token`. */
  ownerSession(): SdkSession {
    const { status, stdout, stderr } = this.command('token')
    if (status !== 0) throw new Error(`starling token ended with ${status}: ${stderr}`)
    return { baseUrl: this.info.client_api, accessToken: stdout.trim() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    if (this.#options.dataDir === undefined) rmSync(this.dataDir, { recursive: true, force: true })
  }

  async #ready(child: ChildProcess, readyFile: string): Promise<NodeInfo> {
    const deadline = Date.now() + START_LIMIT_MS
    while (!existsSync(readyFile)) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the node ended with ${child.exitCode ?? child.signalCode} before it served:\n${this.#output}`)
      }
      if (Date.now() > deadline) throw new Error(`the node did not serve within ${START_LIMIT_MS} ms:\n${this.#output}`)
      await sleep(20)
    }
    return JSON.parse(readFileSync(readyFile, 'utf8')) as NodeInfo
  }

  async #end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | null> {
    const child = this.#child
    const pid = this.#info?.pid
    this.#child = undefined
    this.#info = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
    // The pid of the node itself: with a prefix the child may be a wrapper.
    process.kill(pid ?? child.pid ?? 0, signal)
    return ended
  }
}
