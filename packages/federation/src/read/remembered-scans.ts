import type { Database } from '../store/database.ts'
import { LruMap } from '../store/lru-map.ts'

/** Rows remembered in all; those of the key not asked for lately go first. */
const MAX_ROWS = 50_000

interface Remembered<Row> {
  readonly rows: readonly Row[]
  readonly writes: number
}

/** What scans of one bucket found, by what was asked for, until anything in that bucket is written. */
export class RememberedScans<Key, Row> {
  readonly #database: Database
  readonly #bucket: number
  readonly #scan: (key: Key) => Promise<readonly Row[]>
  readonly #found = new LruMap<Key, Remembered<Row>>(MAX_ROWS)

  constructor(database: Database, bucket: number, scan: (key: Key) => Promise<readonly Row[]>) {
    this.#database = database
    this.#bucket = bucket
    this.#scan = scan
  }

  async get(key: Key): Promise<readonly Row[]> {
    // Read before the scan: a write that comes meanwhile makes what the scan found old at once.
    const writes = this.#database.writesTo(this.#bucket)
    const found = this.#found.get(key)
    if (found?.writes === writes) return found.rows
    const rows = await this.#scan(key)
    this.#found.set(key, { rows, writes }, rows.length + 1)
    return rows
  }
}
