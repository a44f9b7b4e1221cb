import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deleteNamespace, ownNamespace } from './cleanup.ts'
import { NamespaceProcess } from './namespace-process.ts'

const run = promisify(execFile)
const AGENT = fileURLToPath(new URL('./namespace-agent.ts', import.meta.url))

/** One machine on its own: a network namespace with a loopback, and with the links that a network gives it. */
export class Namespace implements AsyncDisposable {
  readonly name: string
  readonly #processes = new Set<NamespaceProcess>()
  readonly #servers = new Set<Server>()
  #agent: Promise<NamespaceProcess> | undefined
  #directory: Promise<string> | undefined
  #forwards = 0

  private constructor(name: string) {
    this.name = name
  }

  static async create(name: string): Promise<Namespace> {
    ownNamespace(name)
    await run('ip', ['netns', 'add', name])
    const namespace = new Namespace(name)
    await namespace.ip('link', 'set', 'lo', 'up')
    return namespace
  }

  /** Runs `ip` on this namespace. */
  async ip(...args: string[]): Promise<string> {
    const { stdout } = await run('ip', ['-n', this.name, ...args])
    return stdout
  }

  /** Runs a command inside and returns what it printed. Rejects unless it exits with 0. */
  async exec(command: string, args: readonly string[], input?: string): Promise<string> {
    const child = run('ip', ['netns', 'exec', this.name, command, ...args])
    // A command that does not read may be gone before this is written; what it came to tells its exit status.
    child.child.stdin?.on('error', () => undefined).end(input)
    const { stdout } = await child
    return stdout
  }

  /**
   * Starts a Node script inside. The test talks to it by `call`, which `serveNamespaceProcess` answers in the script; its
   * standard output and errors are kept and shown when something fails.
   */
  spawnNode(script: string | URL, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): NamespaceProcess {
    const file = script instanceof URL ? fileURLToPath(script) : script
    // `ip netns exec` becomes the command: the child's pid is Node's own.
    const child = spawn('ip', ['netns', 'exec', this.name, process.execPath, file, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const started = new NamespaceProcess(child)
    this.#processes.add(started)
    return started
  }

  /**
   * Makes a TCP port of this namespace reachable from the test's own: returns a loopback port here whose connections are made
   * to `host:port` in there. There is still no route: an agent inside hands the bytes over by a Unix socket, which files know
   * and networks do not.
   */
  async forward(port: number, host = '127.0.0.1'): Promise<number> {
    this.#directory ??= mkdtemp(join(tmpdir(), 'starling-ns-'))
    this.#agent ??= this.#startAgent()
    const path = join(await this.#directory, `${this.#forwards++}.sock`)
    await (await this.#agent).call('forward', { path, host, port })
    const server = createServer((socket) => {
      const inside = connect(path)
      socket.pipe(inside).pipe(socket)
      socket.on('error', () => inside.destroy())
      inside.on('error', () => socket.destroy())
    })
    this.#servers.add(server)
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close()
    await Promise.all([...this.#processes].map((process) => process.stop()))
    deleteNamespace(this.name)
    if (this.#directory !== undefined) await rm(await this.#directory, { recursive: true, force: true })
  }

  async #startAgent(): Promise<NamespaceProcess> {
    return this.spawnNode(AGENT)
  }
}
