import { mkdir } from 'node:fs/promises'
import type { BatchOperation, KeyRange, KeyValue, KeyValueStore } from '@starling/protocol'
import { Level } from 'level'
import { StoreError } from './store-error.ts'

interface WaitingBatch {
  readonly operations: readonly BatchOperation[]
  readonly durable: boolean
  resolve(): void
  reject(error: StoreError): void
}

/** Operations joined into one flush at the most, so that one caller's wait stays short. */
const MAX_GROUPED_OPERATIONS = 4_000

/**
 * Rows read on the event loop's own thread; more go to the thread pool. A row in memory or the page cache takes 1 to 10 µs there
 * and 30 to 130 µs by way of the pool (decision 0007), one from a solid-state disk about 100 µs.
 */
const MAX_READ_AT_ONCE = 8

/**
 * LevelDB behind the `KeyValueStore` port. Group commit: while one flush is on its way to the disk, batches that arrive
 * wait and then go down together, in order, as one atomic batch with one fsync. A failed write stops all later ones:
 * after a failed fsync nothing may be acknowledged, since what the disk holds is unknown.
 */
export class LevelStore implements KeyValueStore, AsyncDisposable {
  readonly #level: Level<Uint8Array, Uint8Array>
  readonly #directory: string
  #waiting: WaitingBatch[] = []
  #flushing: Promise<void> | undefined
  #failure: StoreError | undefined

  private constructor(level: Level<Uint8Array, Uint8Array>, directory: string) {
    this.#level = level
    this.#directory = directory
  }

  /** @throws StoreError `in-use` when another process has it open, `corrupt`, or `unusable`. */
  static async open(directory: string): Promise<LevelStore> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw new StoreError('unusable', `cannot make ${directory}: ${messageOf(error)}`, { cause: error })
    }
    const level = new Level<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
      writeBufferSize: 8 * 1024 * 1024,
      cacheSize: 16 * 1024 * 1024,
    })
    try {
      await level.open()
    } catch (error) {
      throw openError(directory, error)
    }
    return new LevelStore(level, directory)
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#level.getSync(key)
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    if (keys.length <= MAX_READ_AT_ONCE) return keys.map((key) => this.#level.getSync(key))
    return this.#level.getMany([...keys])
  }

  batch(operations: readonly BatchOperation[], options: { readonly durable?: boolean } = {}): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operations, durable: options.durable ?? true, resolve, reject })
      this.#flushing ??= this.#flushAll()
    })
  }

  async *entries(range: KeyRange): AsyncIterable<KeyValue> {
    const iterator = this.#level.iterator({ ...range })
    try {
      while (true) {
        const chunk = await iterator.nextv(256)
        if (chunk.length === 0) return
        yield* chunk
      }
    } finally {
      await iterator.close()
    }
  }

  /** Waits for what is on its way to the disk, then closes. */
  async close(): Promise<void> {
    await this.#flushing
    this.#failure ??= new StoreError('closed', `the database in ${this.#directory} is closed`)
    await this.#level.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #flushAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      const operations = group.flatMap((batch) => batch.operations) as {
        type: 'put'
        key: Uint8Array
        value: Uint8Array
      }[]
      try {
        await this.#level.batch(operations, { sync: group.some((batch) => batch.durable) })
      } catch (error) {
        this.#fail(group, error)
        break
      }
      for (const batch of group) batch.resolve()
    }
    this.#flushing = undefined
  }

  #takeGroup(): WaitingBatch[] {
    let operations = 0
    let count = 0
    for (const batch of this.#waiting) {
      operations += batch.operations.length
      if (count > 0 && operations > MAX_GROUPED_OPERATIONS) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  #fail(group: readonly WaitingBatch[], cause: unknown): void {
    this.#failure = new StoreError(
      'write-failed',
      `writing to ${this.#directory} failed (${messageOf(cause)}): nothing more is accepted. Check the disk's space and health, then start again.`,
      { cause },
    )
    for (const batch of [...group, ...this.#waiting.splice(0)]) batch.reject(this.#failure)
  }
}

function openError(directory: string, error: unknown): StoreError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as { code?: unknown } | undefined)?.code
  if (code === 'LEVEL_LOCKED') {
    return new StoreError(
      'in-use',
      `${directory} is in use by another running node: stop it, or choose another --data-dir`,
      {
        cause: error,
      },
    )
  }
  if (code === 'LEVEL_CORRUPTION') {
    return new StoreError(
      'corrupt',
      `the database in ${directory} is damaged (${messageOf(cause)}): restore a backup`,
      {
        cause: error,
      },
    )
  }
  return new StoreError('unusable', `cannot open the database in ${directory}: ${messageOf(cause)}`, { cause: error })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
