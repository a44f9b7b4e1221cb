import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ElementError } from './element-error.ts'
import type { ElementRelease } from './release.ts'

/** Bytes so far and in all; `total` is undefined while the server has not said. */
export interface Progress {
  readonly received: number
  readonly total: number | undefined
}

export interface FetchOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
  /** No byte for this long fails the attempt. Milliseconds. */
  readonly stallMs?: number
  readonly maxBytes?: number
}

/** A stalled download is given up after this; a later start resumes it. */
const STALL_MS = 30_000

/** An Element Web archive is about 30 MB; a server that sends much more is not sending one. */
const MAX_BYTES = 200 * 1024 * 1024

/**
 * Fetches the archive to `path`, through `path.part`, which a later call resumes after a cut-off. The file appears at
 * `path` only once its digest is right; a wrong one is deleted, so that the next attempt begins anew.
 * @throws ElementError
 */
export async function fetchRelease(release: ElementRelease, path: string, options: FetchOptions = {}): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const part = `${path}.part`
  await download(release.url, part, options)
  const digest = await sha256OfFile(part)
  if (digest !== release.sha256) {
    await rm(part, { force: true })
    throw new ElementError(
      'digest-mismatch',
      `what ${release.url} sent is not Element Web ${release.version} (SHA-256 ${digest}, expected ${release.sha256}); it was deleted`,
    )
  }
  await rename(part, path)
}

/** Hex SHA-256 of a file, read in pieces. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function download(url: string, part: string, options: FetchOptions): Promise<void> {
  const have = await sizeOf(part)
  const stall = new StallGuard(options.stallMs ?? STALL_MS, options.signal)
  try {
    const response = await request(url, have, stall)
    if (response.status === 416) return // nothing is left to send: the digest decides
    const resumed = response.status === 206 && startsAt(response, have)
    if (!resumed && response.status !== 200) {
      throw new ElementError('http-status', `${url} answered ${response.status} ${response.statusText}`)
    }
    await append(response, part, resumed ? have : 0, stall, options)
  } finally {
    stall.stop()
  }
}

async function request(url: string, have: number, stall: StallGuard): Promise<Response> {
  try {
    return await fetch(url, { signal: stall.signal, headers: have > 0 ? { range: `bytes=${have}-` } : {} })
  } catch (error) {
    throw networkError(url, stall.signal, error)
  }
}

function startsAt(response: Response, offset: number): boolean {
  return response.headers.get('content-range')?.startsWith(`bytes ${offset}-`) ?? false
}

async function append(
  response: Response,
  part: string,
  offset: number,
  stall: StallGuard,
  options: FetchOptions,
): Promise<void> {
  const maxBytes = options.maxBytes ?? MAX_BYTES
  const length = Number(response.headers.get('content-length') ?? Number.NaN)
  const total = Number.isSafeInteger(length) ? offset + length : undefined
  const tooLarge = () => new ElementError('too-large', `${response.url} sends more than ${maxBytes} bytes`)
  if (total !== undefined && total > maxBytes) throw tooLarge()
  const file = await open(part, offset > 0 ? 'r+' : 'w')
  let received = offset
  try {
    for await (const chunk of response.body ?? []) {
      stall.moved()
      if (received + chunk.length > maxBytes) throw tooLarge()
      await file.write(chunk, 0, chunk.length, received)
      received += chunk.length
      options.onProgress?.({ received, total })
    }
  } catch (error) {
    throw error instanceof ElementError ? error : networkError(response.url, stall.signal, error)
  } finally {
    await file.sync()
    await file.close()
  }
}

function networkError(url: string, signal: AbortSignal, error: unknown): ElementError {
  const reason = signal.aborted ? signal.reason : error instanceof Error && error.cause ? error.cause : error
  const text = reason instanceof Error ? reason.message : String(reason)
  return new ElementError('network', `fetching ${url} failed: ${text}`, { cause: error })
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

/** Aborts when nothing has moved for a while, or when the caller gives up. */
class StallGuard {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #ms: number
  #timer: NodeJS.Timeout

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#ms = ms
    this.signal = outer ? AbortSignal.any([this.#controller.signal, outer]) : this.#controller.signal
    this.#timer = this.#arm()
  }

  moved(): void {
    clearTimeout(this.#timer)
    this.#timer = this.#arm()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(new Error(`no byte for ${this.#ms / 1000} seconds`)), this.#ms)
  }
}
