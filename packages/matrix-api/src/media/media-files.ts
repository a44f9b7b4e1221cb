import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, type ReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MediaError } from './media-error.ts'

/** Content that has been written to a temporary file and flushed, but is not kept yet. */
export interface ReceivedFile {
  /** SHA-256 in hex. */
  readonly hash: string
  readonly size: number
  readonly path: string
}

/**
 * Files named by the SHA-256 of their content, in hex: `files/ab/abcdef…`. A file is written beside, flushed, and renamed into
 * place, so what has a name is whole.
 */
export class MediaFiles {
  readonly #files: string
  readonly #incoming: string

  constructor(directory: string) {
    this.#files = join(directory, 'files')
    this.#incoming = join(directory, 'incoming')
  }

  /** Makes the folders and removes what a crash left half written. */
  async start(): Promise<void> {
    await mkdir(this.#files, { recursive: true, mode: 0o700 })
    await rm(this.#incoming, { recursive: true, force: true })
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 })
  }

  /** Writes what the source gives. Throws `MediaError` `too-large` as soon as it is more than `maxBytes`, and `disk-full`. */
  async receive(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<ReceivedFile> {
    const path = join(this.#incoming, randomUUID())
    try {
      await using file = await open(path, 'wx', 0o600)
      const { hash, size } = await writeHashed(file, source, maxBytes)
      await file.sync()
      return { hash, size, path }
    } catch (error) {
      await rm(path, { force: true })
      throw isDiskFull(error) ? new MediaError('disk-full', 'The disk of this node is full', { cause: error }) : error
    }
  }

  /** Gives a received file its place. Durable when it resolves. */
  async keep({ path, hash }: ReceivedFile): Promise<void> {
    const folder = join(this.#files, hash.slice(0, 2))
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await rename(path, this.pathOf(hash))
    await syncFolder(folder)
  }

  async discard({ path }: ReceivedFile): Promise<void> {
    await rm(path, { force: true })
  }

  /** Bytes `from` (included) to `to` (excluded). Fails with `ENOENT` if the file has been taken away. */
  read(hash: string, from: number, to: number): ReadStream {
    return createReadStream(this.pathOf(hash), { start: from, end: Math.max(from, to - 1) })
  }

  async exists(hash: string): Promise<boolean> {
    try {
      return (await stat(this.pathOf(hash))).isFile()
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  async remove(hash: string): Promise<void> {
    await rm(this.pathOf(hash), { force: true })
  }

  /** Number of unfinished files: for tests. */
  async incoming(): Promise<number> {
    return (await readdir(this.#incoming)).length
  }

  pathOf(hash: string): string {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new RangeError('not a SHA-256 in hex')
    return join(this.#files, hash.slice(0, 2), hash)
  }
}

async function writeHashed(
  file: FileHandle,
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{ readonly hash: string; readonly size: number }> {
  const digest = createHash('sha256')
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > maxBytes) throw new MediaError('too-large', `The content is larger than ${maxBytes} bytes`)
    digest.update(chunk)
    await file.writeFile(chunk)
  }
  return { hash: digest.digest('hex'), size }
}

/** A rename is durable once its folder is. Windows has no such call, and flushes names with the file. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  await using handle = await open(folder, 'r')
  await handle.sync()
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
