import type { BatchOperation, JsonObject, KeyValueStore, UserId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import { buckets } from '../../store/buckets.ts'
import { KeyedQueue } from '../../store/keyed-queue.ts'
import { defineTable } from '../../store/table.ts'
import { type BackupKey, isBetterKey, type PlacedKey } from './backup-key.ts'

interface VersionRow {
  readonly algorithm: string
  readonly authData: JsonObject
  /** Grows with every change of the keys. */
  readonly etag: number
  readonly count: number
  /** Its keys are being removed. */
  readonly deleted?: true
}

export interface BackupInfo {
  readonly algorithm: string
  readonly auth_data: JsonObject
  readonly count: number
  readonly etag: string
  readonly version: string
}

export interface BackupChange {
  readonly count: number
  readonly etag: string
}

/** Which keys of a backup: all, a room's, or one. */
export interface KeySelection {
  readonly roomId?: string
  readonly sessionId?: string
}

/** Live versions per user; a new one beyond it is refused. Clients delete the old when they make a new one. */
const MAX_VERSIONS = 100
/** Keys in one backup; more are refused. At about 1 KiB each this is half a gigabyte. */
const MAX_KEYS = 500_000
/** Rows removed in one batch. */
const DELETE_CHUNK = 1_000

/** Where the number of the newest version is kept, deleted ones included. No version is 0. */
const COUNTER = 0

/** Server-side key backups of local users. Client-Server API, "Server-side key backups". */
export class KeyBackup {
  readonly #store: KeyValueStore
  readonly #versions
  readonly #keys
  /** By user id. */
  readonly #queue = new KeyedQueue()

  constructor(store: KeyValueStore) {
    this.#store = store
    this.#versions = defineTable<[user: string, version: number], VersionRow>(store, buckets.backupVersions, 'sn')
    this.#keys = defineTable<[user: string, version: number, room: string, session: string], BackupKey>(
      store,
      buckets.backupKeys,
      'snss',
    )
  }

  /** Finishes deletions that a crash cut short. */
  async start(): Promise<void> {
    for await (const { key, row } of this.#versions.scan([])) {
      if (row.deleted) await this.#removeAll(key[0] as UserId, key[1])
    }
  }

  createVersion(userId: UserId, algorithm: string, authData: JsonObject): Promise<string> {
    return this.#queue.run(userId, async () => {
      const newest = (await this.#versions.get(userId, COUNTER))?.count ?? 0
      let live = 0
      for await (const { row } of this.#versions.scan([userId], { after: COUNTER })) if (!row.deleted) live++
      if (live >= MAX_VERSIONS) throw new MatrixError(403, 'M_FORBIDDEN', 'Too many backup versions: delete some')
      const version = newest + 1
      await this.#store.batch([
        this.#versions.put([userId, COUNTER], { algorithm: '', authData: {}, etag: 0, count: version }),
        this.#versions.put([userId, version], { algorithm, authData, etag: 0, count: 0 }),
      ])
      return String(version)
    })
  }

  /** The current version where none is named. Throws 404. */
  async info(userId: UserId, version?: string): Promise<BackupInfo> {
    const found = version === undefined ? await this.#current(userId) : await this.#named(userId, version)
    if (!found) throw noBackup(version)
    const { algorithm, authData, count, etag } = found.row
    return { algorithm, auth_data: authData, count, etag: String(etag), version: String(found.version) }
  }

  updateVersion(userId: UserId, version: string, algorithm: string, authData: JsonObject): Promise<void> {
    return this.#queue.run(userId, async () => {
      const found = await this.#named(userId, version)
      if (!found) throw noBackup(version)
      if (found.row.algorithm !== algorithm) throw new MatrixError(400, 'M_INVALID_PARAM', 'Algorithm does not match')
      await this.#store.batch([this.#versions.put([userId, found.version], { ...found.row, authData })])
    })
  }

  /** Also succeeds for a version deleted before. Throws 404 for one that never was. */
  deleteVersion(userId: UserId, version: string): Promise<void> {
    return this.#queue.run(userId, async () => {
      const found = await this.#named(userId, version)
      if (!found) {
        const newest = (await this.#versions.get(userId, COUNTER))?.count ?? 0
        const number = versionNumber(version)
        if (number === undefined || number > newest) throw noBackup(version)
        return
      }
      await this.#store.batch([this.#versions.put([userId, found.version], { ...found.row, deleted: true })])
      await this.#removeAll(userId, found.version)
    })
  }

  /** Stores what is better than what is there. Throws 404 without a backup, 403 where the version is not the current one. */
  putKeys(userId: UserId, version: string, keys: readonly PlacedKey[]): Promise<BackupChange> {
    return this.#queue.run(userId, async () => {
      const current = await this.#current(userId)
      if (!current) throw noBackup(version)
      if (String(current.version) !== version) throw wrongVersion(current.version)
      const old = await this.#keys.getMany(
        keys.map(({ roomId, sessionId }) => [userId, current.version, roomId, sessionId]),
      )
      const written = keys.filter(({ key }, index) => {
        const before = old[index]
        return !before || isBetterKey(key, before)
      })
      const added = old.filter((before) => !before).length
      if (current.row.count + added > MAX_KEYS) throw new MatrixError(413, 'M_TOO_LARGE', 'The backup is full')
      if (written.length === 0) return changeOf(current.row)
      const row = { ...current.row, count: current.row.count + added, etag: current.row.etag + 1 }
      await this.#store.batch([
        ...written.map(({ roomId, sessionId, key }) =>
          this.#keys.put([userId, current.version, roomId, sessionId], key),
        ),
        this.#versions.put([userId, current.version], row),
      ])
      return changeOf(row)
    })
  }

  /** Throws 404 where there is no such backup. */
  async keys(userId: UserId, version: string, selection: KeySelection): Promise<readonly PlacedKey[]> {
    const found = await this.#named(userId, version)
    if (!found) throw noBackup(version)
    const keys: PlacedKey[] = []
    for await (const { key, row } of this.#keys.scan(prefixOf(userId, found.version, selection))) {
      keys.push({ roomId: key[2], sessionId: key[3], key: row })
    }
    return keys
  }

  /** Throws 404 where there is no such backup; removing what is not there changes nothing. */
  deleteKeys(userId: UserId, version: string, selection: KeySelection): Promise<BackupChange> {
    return this.#queue.run(userId, async () => {
      const found = await this.#named(userId, version)
      if (!found) throw noBackup(version)
      const operations: BatchOperation[] = []
      for await (const { key } of this.#keys.scan(prefixOf(userId, found.version, selection))) {
        operations.push(this.#keys.del(...key))
      }
      if (operations.length === 0) return changeOf(found.row)
      const row = { ...found.row, count: found.row.count - operations.length, etag: found.row.etag + 1 }
      await this.#store.batch([...operations, this.#versions.put([userId, found.version], row)])
      return changeOf(row)
    })
  }

  /** Removes all backups of a user whose account is over. */
  erase(userId: UserId): Promise<void> {
    return this.#queue.run(userId, async () => {
      for await (const { key } of this.#versions.scan([userId])) await this.#removeAll(userId, key[1])
    })
  }

  async #current(userId: UserId): Promise<{ readonly version: number; readonly row: VersionRow } | undefined> {
    for await (const { key, row } of this.#versions.scan([userId], { after: COUNTER, reverse: true })) {
      if (!row.deleted) return { version: key[1], row }
    }
    return undefined
  }

  async #named(
    userId: UserId,
    version: string,
  ): Promise<{ readonly version: number; readonly row: VersionRow } | undefined> {
    const number = versionNumber(version)
    const row = number === undefined ? undefined : await this.#versions.get(userId, number)
    return number !== undefined && row && !row.deleted ? { version: number, row } : undefined
  }

  async #removeAll(userId: UserId, version: number): Promise<void> {
    let operations: BatchOperation[] = []
    for await (const { key } of this.#keys.scan([userId, version])) {
      operations.push(this.#keys.del(...key))
      if (operations.length < DELETE_CHUNK) continue
      await this.#store.batch(operations, { durable: false })
      operations = []
    }
    await this.#store.batch([...operations, this.#versions.del(userId, version)])
  }
}

function prefixOf(userId: UserId, version: number, { roomId, sessionId }: KeySelection): (string | number)[] {
  if (roomId === undefined) return [userId, version]
  return sessionId === undefined ? [userId, version, roomId] : [userId, version, roomId, sessionId]
}

/** Versions are opaque to clients; here they count from 1. */
function versionNumber(version: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(version) ? Number(version) : undefined
}

function changeOf(row: VersionRow): BackupChange {
  return { count: row.count, etag: String(row.etag) }
}

function noBackup(version: string | undefined): MatrixError {
  return new MatrixError(
    404,
    'M_NOT_FOUND',
    version === undefined ? 'No current backup version' : 'Unknown backup version',
  )
}

function wrongVersion(current: number): MatrixError {
  return new MatrixError(403, 'M_WRONG_ROOM_KEYS_VERSION', 'Wrong backup version.', {
    current_version: String(current),
  })
}
