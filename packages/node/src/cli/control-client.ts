import { type ControlFile, readControlFile } from '../control/control-file.ts'
import { CliError } from './cli-error.ts'

/** Longer than the longest search. */
const TIMEOUT_MS = 30_000

/** Asks the running node of a data directory. @throws CliError where none runs or it does not answer. */
export class ControlClient {
  readonly #file: ControlFile

  private constructor(file: ControlFile) {
    this.#file = file
  }

  static async connect(controlPath: string, dataDir: string): Promise<ControlClient> {
    const file = await readControlFile(controlPath)
    if (!file || !isRunning(file.pid)) {
      throw new CliError(
        'not-running',
        `no node runs on ${dataDir}: start it with "starling start", or name its --data-dir`,
      )
    }
    return new ControlClient(file)
  }

  get<T>(path: string): Promise<T> {
    return this.#ask('GET', path)
  }

  post<T>(path: string): Promise<T> {
    return this.#ask('POST', path)
  }

  async #ask<T>(method: string, path: string): Promise<T> {
    let response: Response
    try {
      response = await fetch(`${this.#file.url}/_starling/v1/control/${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#file.token}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
    } catch (cause) {
      throw new CliError('no-answer', `the node (pid ${this.#file.pid}) does not answer on ${this.#file.url}`, {
        cause,
      })
    }
    if (!response.ok) {
      throw new CliError('refused', `the node answered ${response.status}: ${(await response.text()).slice(0, 500)}`)
    }
    return (await response.json()) as T
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, but another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
