import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@starling/protocol'
import { ElementError } from './element-error.ts'
import type { ElementState } from './element-state.ts'
import { fetchRelease, type Progress, sha256OfFile } from './fetch-release.ts'
import type { ElementRelease } from './release.ts'
import { elementRoot, unpackArchive } from './unpack.ts'

export interface ElementHostOptions {
  /** Where the fetched archive and the unpacked files are kept. */
  readonly cacheDir: string
  readonly release: ElementRelease
  /** A folder or `.tar.gz` to serve instead of fetching. Trusted: it is the owner's own. */
  readonly source: string | undefined
  readonly logger: Logger
  /** For a progress bar on the terminal. */
  readonly onProgress?: (progress: Progress) => void
}

/**
 * Gets Element Web ready in the background: a folder, an archive, the cache, or a fetch of the pinned release. Never
 * keeps the node from starting; while it is not ready its state says why.
 */
export class ElementHost implements AsyncDisposable {
  readonly #options: ElementHostOptions
  readonly #stop = new AbortController()
  #state: ElementState = { kind: 'unpacking' }
  #work: Promise<void> = Promise.resolve()

  constructor(options: ElementHostOptions) {
    this.#options = options
  }

  get state(): ElementState {
    return this.#state
  }

  start(): void {
    this.#work = this.#prepare().then(
      (directory) => {
        this.#state = { kind: 'ready', directory }
      },
      (error: unknown) => {
        const { source } = this.#options
        this.#state = { kind: 'unavailable', reason: error instanceof Error ? error.message : String(error), source }
        if (!this.#stop.signal.aborted) this.#options.logger.warn({ reason: this.#state.reason }, 'no Element Web')
      },
    )
  }

  /** Resolves once the state is final for this run: ready or unavailable. */
  async settled(): Promise<ElementState> {
    await this.#work
    return this.#state
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the node is stopping'))
    await this.#work
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #prepare(): Promise<string> {
    const { source, cacheDir, release } = this.#options
    if (source !== undefined) return this.#prepareSource(source)
    const unpacked = join(cacheDir, `element-${release.version}-${release.sha256.slice(0, 16)}`)
    if (await isDirectory(unpacked)) return unpacked
    const archive = join(cacheDir, `element-${release.version}.tar.gz`)
    if (!(await isVerified(archive, release))) await this.#fetch(release, archive)
    this.#state = { kind: 'unpacking' }
    await unpackArchive(archive, unpacked)
    await rm(archive, { force: true })
    return unpacked
  }

  async #prepareSource(source: string): Promise<string> {
    if (await isDirectory(source)) {
      const root = await elementRoot(source)
      if (!root)
        throw new ElementError('not-element', `${source} holds no Element Web (no index.html with its bundles)`)
      return root
    }
    const digest = await sha256OfFile(source).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      throw new ElementError('not-element', `there is no folder or archive ${source}`, { cause: error })
    })
    const unpacked = join(this.#options.cacheDir, `element-local-${digest.slice(0, 16)}`)
    if (!(await isDirectory(unpacked))) await unpackArchive(source, unpacked)
    return unpacked
  }

  async #fetch(release: ElementRelease, archive: string): Promise<void> {
    await mkdir(this.#options.cacheDir, { recursive: true })
    await fetchRelease(release, archive, {
      signal: this.#stop.signal,
      onProgress: (progress) => {
        this.#state = { kind: 'fetching', progress }
        this.#options.onProgress?.(progress)
      },
    })
  }
}

async function isVerified(archive: string, release: ElementRelease): Promise<boolean> {
  try {
    return (await sha256OfFile(archive)) === release.sha256
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
