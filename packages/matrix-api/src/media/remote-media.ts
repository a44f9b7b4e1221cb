import type { BatchOperation, Clock, KeyValueStore, ServerName } from '@starling/protocol'
import type { RemoteMedia, RemoteServers } from '../ports.ts'
import { buckets } from '../store/buckets.ts'
import { defineTable } from '../store/table.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import type { FileUses } from './file-uses.ts'
import type { MediaLimits, MediaRecord } from './local-media.ts'
import { MediaError } from './media-error.ts'
import type { MediaFiles, ReceivedFile } from './media-files.ts'
import { contentHashOf } from './media-id.ts'
import { cleanContentType, cleanFilename } from './media-metadata.ts'

interface CachedRow extends MediaRecord {
  /** Milliseconds since the Unix epoch, to the hour. */
  readonly usedAt: number
}

export interface RemoteMediaDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly files: MediaFiles
  readonly uses: FileUses
  readonly remote: Pick<RemoteServers, 'media'>
  readonly limits: MediaLimits
  /** Told of files that are gone, so that what was made from them goes too. */
  readonly onRemoved: (hash: string) => Promise<void>
}

/** Files fetched at once, and requests that may wait for a turn. */
const FETCHES = { running: 8, waiting: 200 } as const
/** Longest wait for the first byte, and between two. */
const ANSWER_TIMEOUT_MS = 20_000
const IDLE_TIMEOUT_MS = 30_000
/** Longest fetch in whole: a server that drips holds one of the few places no longer than this. */
const FETCH_TIMEOUT_MS = 10 * 60_000
/** Rows of cached media; what is beyond goes, the longest unused first. */
const MAX_CACHED_FILES = 20_000
const USED_GRAIN_MS = 60 * 60 * 1000

/** Media of other servers: fetched whole, verified where the id allows it, kept within bounds, one fetch at a time per file. */
export class RemoteMediaStore {
  readonly #deps: RemoteMediaDeps
  readonly #rows
  readonly #fetches = new Map<string, Promise<MediaRecord>>()
  readonly #limit = new ConcurrencyLimit(FETCHES)

  constructor(deps: RemoteMediaDeps) {
    this.#deps = deps
    this.#rows = defineTable<[server: string, mediaId: string], CachedRow>(deps.store, buckets.remoteMedia, 'ss')
  }

  async cached(server: ServerName, mediaId: string): Promise<MediaRecord | undefined> {
    const row = await this.#rows.get(server, mediaId)
    if (!row || !(await this.#deps.files.exists(row.hash))) return undefined
    const now = this.#deps.clock.now()
    if (now - row.usedAt > USED_GRAIN_MS) {
      await this.#deps.store.batch([this.#rows.put([server, mediaId], { ...row, usedAt: now })], { durable: false })
    }
    return row
  }

  /** From the cache, else from its server. Throws `MediaError`. */
  async find(server: ServerName, mediaId: string): Promise<MediaRecord> {
    const cached = await this.cached(server, mediaId)
    if (cached) return cached
    const key = useName(server, mediaId)
    const running = this.#fetches.get(key)
    if (running !== undefined) return running
    const fetched = this.#limit.run(() => this.#fetch(server, mediaId)).finally(() => this.#fetches.delete(key))
    this.#fetches.set(key, fetched)
    return fetched
  }

  async #fetch(server: ServerName, mediaId: string): Promise<MediaRecord> {
    const { files, limits, uses, clock } = this.#deps
    const cancel = new AbortController()
    try {
      const media = await this.#ask(server, mediaId, cancel.signal)
      if (media.size > limits.maxBytes) throw new MediaError('too-large', 'The content is too large to serve')
      const file = await this.#receive(files, media, mediaId)
      const filename = cleanFilename(media.filename)
      const row: CachedRow = {
        hash: file.hash,
        size: file.size,
        contentType: cleanContentType(media.contentType),
        ...(filename === undefined ? {} : { filename }),
        usedAt: clock.now(),
      }
      await uses.keep(file, useName(server, mediaId), [this.#rows.put([server, mediaId], row)])
      await this.#evict(useName(server, mediaId))
      return row
    } finally {
      // Frees the connection, also after a refusal in the middle.
      cancel.abort()
    }
  }

  async #ask(server: ServerName, mediaId: string, cancelled: AbortSignal): Promise<RemoteMedia> {
    let media: RemoteMedia | undefined
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(), ANSWER_TIMEOUT_MS)
    try {
      media = await this.#deps.remote.media(server, mediaId, { signal: AbortSignal.any([cancelled, timeout.signal]) })
    } catch (error) {
      throw new MediaError('unreachable', 'The media could not be fetched from its server', { cause: error })
    } finally {
      clearTimeout(timer)
    }
    if (!media) throw new MediaError('not-found', 'No such media')
    return media
  }

  async #receive(files: MediaFiles, media: RemoteMedia, mediaId: string): Promise<ReceivedFile> {
    const file = await files
      .receive(withTimeouts(media.bytes, IDLE_TIMEOUT_MS, FETCH_TIMEOUT_MS), media.size)
      .catch((error: unknown) => {
        throw error instanceof MediaError && error.code === 'disk-full'
          ? error
          : new MediaError('corrupt', 'The other server did not send the content that it named', { cause: error })
      })
    const expected = contentHashOf(mediaId)
    if (file.size === media.size && (expected === undefined || expected === file.hash)) return file
    await files.discard(file)
    throw new MediaError('corrupt', 'The other server did not send the content that it named')
  }

  /** Brings the cache back within its bounds; `keep` stays, since it is about to be served. */
  async #evict(keep: string): Promise<void> {
    const { limits, uses, onRemoved } = this.#deps
    const rows: { readonly key: [string, string]; readonly row: CachedRow }[] = []
    let bytes = 0
    for await (const { key, row } of this.#rows.scan([])) {
      rows.push({ key, row })
      bytes += row.size
    }
    if (bytes <= limits.cacheBytes && rows.length <= MAX_CACHED_FILES) return
    rows.sort((a, b) => a.row.usedAt - b.row.usedAt)
    let count = rows.length
    for (const { key, row } of rows) {
      if (bytes <= limits.cacheBytes && count <= MAX_CACHED_FILES) return
      const use = useName(key[0] as ServerName, key[1])
      if (use === keep) continue
      const operations: BatchOperation[] = [this.#rows.del(...key)]
      if (await uses.release(row.hash, use, operations)) await onRemoved(row.hash)
      bytes -= row.size
      count -= 1
    }
  }
}

function useName(server: ServerName, mediaId: string): string {
  return `remote ${server}/${mediaId}`
}

/** The same bytes; fails where the next chunk takes longer than `idleMs`, or all of them longer than `wholeMs`. */
async function* withTimeouts(
  source: AsyncIterable<Uint8Array>,
  idleMs: number,
  wholeMs: number,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  const deadline = performance.now() + wholeMs
  try {
    while (true) {
      const { promise: idle, reject } = Promise.withResolvers<never>()
      const waitMs = Math.min(idleMs, deadline - performance.now())
      const timer = setTimeout(() => reject(new MediaError('unreachable', 'The other server stopped sending')), waitMs)
      const next = await Promise.race([iterator.next(), idle]).finally(() => clearTimeout(timer))
      if (next.done) return
      yield next.value
    }
  } finally {
    // Not awaited: a source that hangs would hang here as well.
    iterator.return?.()?.catch(() => undefined)
  }
}
