import type { BatchOperation, Clock, KeyValueStore, RandomBytes, UserId } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import type { FileUses } from './file-uses.ts'
import { MediaError } from './media-error.ts'
import type { MediaFiles, ReceivedFile } from './media-files.ts'
import { contentMediaId, contentMediaIdWith, isMediaId, PENDING_ID_BYTES } from './media-id.ts'

export interface MediaLimits {
  /** Largest upload, and largest file taken from another server. Bytes. */
  readonly maxBytes: number
  /** All uploads of one user together. Bytes. */
  readonly quotaBytes: number
  /** Cached files of other servers together; the longest unused go first. Bytes. */
  readonly cacheBytes: number
}

/** A phone's video fits; a disk is not filled by one account or one busy room. */
export const MEDIA_LIMITS: MediaLimits = {
  maxBytes: 100 * 1024 * 1024,
  quotaBytes: 20 * 1024 * 1024 * 1024,
  cacheBytes: 2 * 1024 * 1024 * 1024,
}

/** One file as it is served. */
export interface MediaRecord {
  /** SHA-256 of the content in hex: its name on disk. */
  readonly hash: string
  readonly size: number
  readonly contentType: string
  readonly filename?: string
}

interface LocalRow extends MediaRecord {
  readonly uploader: UserId
  readonly createdAt: number
}

interface PendingRow {
  readonly userId: UserId
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

export interface Upload {
  readonly source: AsyncIterable<Uint8Array>
  /** As announced by the client; undefined where it does not say. */
  readonly size: number | undefined
  readonly contentType: string
  readonly filename: string | undefined
}

export interface LocalMediaDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly files: MediaFiles
  readonly uses: FileUses
  readonly limits: MediaLimits
}

/** The spec's recommendation for `unused_expires_at`. */
const PENDING_LIFE_MS = 24 * 60 * 60 * 1000
/** Ids made but not filled, per user. */
const MAX_PENDING_PER_USER = 50
/** Requests that wait for content at once; more are answered without waiting. */
const MAX_WAITERS = 1_000

/** Media uploaded to this node. Client-Server API, "Content repository". */
export class LocalMediaStore {
  readonly #deps: LocalMediaDeps
  readonly #media
  readonly #byUser
  readonly #pending
  /** By user id: quotas and pending ids are counted before they are written. */
  readonly #queue = new KeyedQueue()
  /** Bytes used per user, counted once. Grows with accounts. */
  readonly #used = new Map<UserId, number>()
  readonly #waiters = new Map<string, Set<() => void>>()
  #waiting = 0

  constructor(deps: LocalMediaDeps) {
    this.#deps = deps
    this.#media = defineTable<[mediaId: string], LocalRow>(deps.store, buckets.media, 's')
    this.#byUser = defineTable<[user: string, mediaId: string], { size: number }>(deps.store, buckets.mediaByUser, 'ss')
    this.#pending = defineTable<[mediaId: string], PendingRow>(deps.store, buckets.pendingMedia, 's')
  }

  /** Stores new content and returns its media id. Throws `MediaError`. */
  async upload(userId: UserId, upload: Upload): Promise<string> {
    const file = await this.#receive(userId, upload)
    try {
      return await this.#queue.run(userId, async () => {
        const mediaId = await this.#contentId(file, upload)
        const known = await this.#media.get(mediaId)
        await this.#store(userId, mediaId, file, upload, known === undefined)
        return mediaId
      })
    } finally {
      await this.#deps.files.discard(file)
    }
  }

  /** An id whose content will follow. */
  create(userId: UserId): Promise<{ readonly mediaId: string; readonly expiresAt: number }> {
    const { clock, randomBytes, store } = this.#deps
    return this.#queue.run('create', async () => {
      const now = clock.now()
      const expired: BatchOperation[] = []
      let open = 0
      for await (const { key, row } of this.#pending.scan([])) {
        if (row.expiresAt <= now) expired.push(this.#pending.del(...key))
        else if (row.userId === userId) open += 1
      }
      if (open >= MAX_PENDING_PER_USER) {
        throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many uploads are pending', { retry_after_ms: 60_000 })
      }
      const mediaId = Buffer.from(randomBytes(PENDING_ID_BYTES)).toString('base64url')
      const expiresAt = now + PENDING_LIFE_MS
      await store.batch([...expired, this.#pending.put([mediaId], { userId, expiresAt })])
      return { mediaId, expiresAt }
    })
  }

  /** Fills an id made by `create`. Throws `MatrixError` 403, 404, 409 as the spec has it, and `MediaError`. */
  async uploadTo(userId: UserId, mediaId: string, upload: Upload): Promise<void> {
    await this.#checkPending(userId, mediaId)
    const file = await this.#receive(userId, upload)
    try {
      await this.#queue.run(userId, async () => {
        await this.#checkPending(userId, mediaId)
        await this.#store(userId, mediaId, file, upload, true, [this.#pending.del(mediaId)])
      })
    } finally {
      await this.#deps.files.discard(file)
    }
    for (const wake of this.#waiters.get(mediaId) ?? []) wake()
  }

  /** Throws `MediaError` `not-found`, or `not-yet-uploaded` where the content has not come within `timeoutMs`. */
  async find(
    mediaId: string,
    wait: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<MediaRecord> {
    const row = await this.get(mediaId)
    if (row) return row
    if (!(await this.#isPending(mediaId))) throw new MediaError('not-found', 'No such media')
    await this.#nextUpload(mediaId, wait)
    const uploaded = await this.get(mediaId)
    if (!uploaded) throw new MediaError('not-yet-uploaded', 'Content has not yet been uploaded')
    return uploaded
  }

  async get(mediaId: string): Promise<MediaRecord | undefined> {
    return isMediaId(mediaId) ? this.#media.get(mediaId) : undefined
  }

  /** For other servers: fits federation's `LocalMedia`. `to` is exclusive. */
  async open(mediaId: string): Promise<
    | {
        readonly size: number
        readonly contentType: string
        readonly filename: string | undefined
        read(from: number, to: number): AsyncIterable<Uint8Array>
      }
    | undefined
  > {
    const row = await this.get(mediaId)
    const { files } = this.#deps
    if (!row || !(await files.exists(row.hash))) return undefined
    const { size, contentType, filename, hash } = row
    return {
      size,
      contentType,
      filename,
      read: (from, to) => (from < Math.min(to, size) ? files.read(hash, from, Math.min(to, size)) : noBytes()),
    }
  }

  async #receive(userId: UserId, { source, size }: Upload): Promise<ReceivedFile> {
    const { files, limits } = this.#deps
    if (size !== undefined && size > limits.maxBytes) {
      throw new MediaError('too-large', `Cannot upload files larger than ${limits.maxBytes} bytes`)
    }
    const left = limits.quotaBytes - (await this.#usedBy(userId))
    if ((size ?? 0) > left || left <= 0) throw overQuota()
    return files.receive(source, limits.maxBytes)
  }

  /** The hash itself, unless that id stands for another name or type of the same content. */
  async #contentId(file: ReceivedFile, { contentType, filename }: Upload): Promise<string> {
    const plain = contentMediaId(file.hash)
    const known = await this.#media.get(plain)
    if (!known || (known.contentType === contentType && known.filename === filename)) return plain
    return contentMediaIdWith(file.hash, contentType, filename)
  }

  async #store(
    userId: UserId,
    mediaId: string,
    file: ReceivedFile,
    { contentType, filename }: Upload,
    isNew: boolean,
    more: readonly BatchOperation[] = [],
  ): Promise<void> {
    const { uses, limits, clock } = this.#deps
    const { hash, size } = file
    const counted = (await this.#byUser.get(userId, mediaId)) !== undefined
    const used = await this.#usedBy(userId)
    if (!counted && used + size > limits.quotaBytes) throw overQuota()
    const row = {
      hash,
      size,
      contentType,
      ...(filename === undefined ? {} : { filename }),
      uploader: userId,
      createdAt: clock.now(),
    }
    await uses.keep(file, `local ${mediaId}`, [
      ...more,
      ...(isNew ? [this.#media.put([mediaId], row)] : []),
      this.#byUser.put([userId, mediaId], { size }),
    ])
    if (!counted) this.#used.set(userId, used + size)
  }

  async #usedBy(userId: UserId): Promise<number> {
    const known = this.#used.get(userId)
    if (known !== undefined) return known
    let used = 0
    for await (const { row } of this.#byUser.scan([userId])) used += row.size
    this.#used.set(userId, used)
    return used
  }

  async #isPending(mediaId: string): Promise<boolean> {
    const row = isMediaId(mediaId) ? await this.#pending.get(mediaId) : undefined
    return row !== undefined && row.expiresAt > this.#deps.clock.now()
  }

  async #checkPending(userId: UserId, mediaId: string): Promise<void> {
    if (await this.get(mediaId)) {
      throw new MatrixError(409, 'M_CANNOT_OVERWRITE_MEDIA', 'Media already uploaded')
    }
    if (!(await this.#isPending(mediaId))) throw new MatrixError(404, 'M_NOT_FOUND', 'Unknown media ID')
    const row = await this.#pending.get(mediaId)
    if (row?.userId !== userId) throw new MatrixError(403, 'M_FORBIDDEN', 'That media ID was made by somebody else')
  }

  async #nextUpload(
    mediaId: string,
    wait: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<void> {
    if (this.#waiting >= MAX_WAITERS) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiters = this.#waiters.get(mediaId) ?? new Set()
    this.#waiters.set(mediaId, waiters.add(resolve))
    this.#waiting += 1
    const timer = setTimeout(resolve, wait.timeoutMs)
    wait.signal?.addEventListener('abort', () => resolve(), { once: true })
    // The content may have come between the look-up and the registration.
    if (await this.get(mediaId)) resolve()
    await promise
    clearTimeout(timer)
    this.#waiting -= 1
    waiters.delete(resolve)
    if (waiters.size === 0) this.#waiters.delete(mediaId)
  }
}

function overQuota(): MediaError {
  return new MediaError('quota', 'The quota for uploads is used up')
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
