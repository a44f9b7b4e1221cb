import type { BatchOperation, KeyValueStore } from '@starling/protocol'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import type { MediaFiles, ReceivedFile } from './media-files.ts'

/**
 * Who needs which file: the same content may be this node's own and another server's. A file goes with the last row that
 * names it.
 */
export class FileUses {
  readonly #store: KeyValueStore
  readonly #files: MediaFiles
  readonly #rows
  /** By hash: a file is not removed while somebody keeps it anew. */
  readonly #queue = new KeyedQueue()

  constructor(store: KeyValueStore, files: MediaFiles) {
    this.#store = store
    this.#files = files
    this.#rows = defineTable<[hash: string, user: string], Record<string, never>>(store, buckets.mediaFileUses, 'ss')
  }

  /** Puts a received file in its place for `user` and commits `operations` with that. */
  keep(file: ReceivedFile, user: string, operations: readonly BatchOperation[]): Promise<void> {
    return this.#queue.run(file.hash, async () => {
      if (await this.#files.exists(file.hash)) await this.#files.discard(file)
      else await this.#files.keep(file)
      await this.#store.batch([...operations, this.#rows.put([file.hash, user], {})])
    })
  }

  /** Ends a use and, with the last, the file. True where the file is gone. */
  release(hash: string, user: string, operations: readonly BatchOperation[]): Promise<boolean> {
    return this.#queue.run(hash, async () => {
      await this.#store.batch([...operations, this.#rows.del(hash, user)])
      for await (const _use of this.#rows.scan([hash], { limit: 1 })) return false
      await this.#files.remove(hash)
      return true
    })
  }
}
