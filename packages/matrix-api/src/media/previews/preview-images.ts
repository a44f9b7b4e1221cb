import type { BatchOperation, Clock, KeyValueStore, RandomBytes } from '@starling/protocol'
import { buckets } from '../../store/buckets.ts'
import { KeyedQueue } from '../../store/keyed-queue.ts'
import { defineTable } from '../../store/table.ts'
import type { FileUses } from '../file-uses.ts'
import type { MediaRecord } from '../local-media.ts'
import type { MediaFiles } from '../media-files.ts'
import { PENDING_ID_BYTES } from '../media-id.ts'

interface ImageRow extends MediaRecord {
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

export interface PreviewImagesDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly files: MediaFiles
  readonly uses: FileUses
  /** Told of files that are gone, so that what was made from them goes too. */
  readonly onRemoved: (hash: string) => Promise<void>
}

/** All images of previews together; the ones next to expire go first. */
const MAX_BYTES = 200 * 1024 * 1024
const MAX_IMAGES = 2_000

/** Images of previewed pages: this node's own media for a while, on nobody's quota. */
export class PreviewImages {
  readonly #deps: PreviewImagesDeps
  readonly #rows
  readonly #queue = new KeyedQueue()

  constructor(deps: PreviewImagesDeps) {
    this.#deps = deps
    this.#rows = defineTable<[mediaId: string], ImageRow>(deps.store, buckets.previewImages, 's')
  }

  /** Keeps an image until `expiresAt` and returns its media id. */
  keep(bytes: Uint8Array, contentType: string, expiresAt: number): Promise<string> {
    const { files, uses, randomBytes } = this.#deps
    return this.#queue.run('images', async () => {
      const file = await files.receive(chunks(bytes), bytes.length)
      const mediaId = Buffer.from(randomBytes(PENDING_ID_BYTES)).toString('base64url')
      const row: ImageRow = { hash: file.hash, size: file.size, contentType, expiresAt }
      await uses.keep(file, useName(mediaId), [this.#rows.put([mediaId], row)])
      await this.#evict()
      return mediaId
    })
  }

  async get(mediaId: string): Promise<MediaRecord | undefined> {
    const row = await this.#rows.get(mediaId)
    return row && row.expiresAt > this.#deps.clock.now() ? row : undefined
  }

  /** Removes what has expired. */
  sweep(): Promise<void> {
    return this.#queue.run('images', () => this.#evict())
  }

  async #evict(): Promise<void> {
    const { clock, uses, onRemoved } = this.#deps
    const rows = await Array.fromAsync(this.#rows.scan([]))
    rows.sort((a, b) => a.row.expiresAt - b.row.expiresAt)
    let bytes = rows.reduce((sum, { row }) => sum + row.size, 0)
    let count = rows.length
    for (const { key, row } of rows) {
      if (row.expiresAt > clock.now() && bytes <= MAX_BYTES && count <= MAX_IMAGES) return
      const operations: BatchOperation[] = [this.#rows.del(...key)]
      if (await uses.release(row.hash, useName(key[0]), operations)) await onRemoved(row.hash)
      bytes -= row.size
      count -= 1
    }
  }
}

function useName(mediaId: string): string {
  return `preview ${mediaId}`
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
