import { createHash } from 'node:crypto'
import {
  type BatchOperation,
  type Clock,
  canonicalJson,
  type JsonValue,
  type KeyValueStore,
  type UserId,
} from '@starling/protocol'
import type { DeviceFollower } from '../../devices/ports.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { StreamPositions } from '../../ports.ts'
import { LruCache } from '../../rooms/lru-cache.ts'
import { buckets } from '../../store/buckets.ts'
import { KeyedQueue } from '../../store/keyed-queue.ts'
import { defineTable } from '../../store/table.ts'
import type { DeviceKeyCounts } from '../../sync/ports.ts'
import type { OneTimeKey } from './check-one-time-keys.ts'

export interface OneTimeKeysDeps {
  readonly store: KeyValueStore
  readonly positions: StreamPositions
  readonly clock: Clock
}

/** One key asked for. */
export interface KeyClaim {
  readonly userId: UserId
  readonly deviceId: string
  readonly algorithm: string
}

export interface ClaimedKey extends KeyClaim {
  readonly keyId: string
  readonly key: JsonValue
}

interface KnownId {
  /** Upload order of the key. */
  readonly order: number
  /** SHA-256 of the key's canonical JSON, to tell a retry from another key of the same name. */
  readonly digest: string
  readonly claimed?: true
}

interface FallbackRow {
  readonly keyId: string
  readonly key: JsonValue
  readonly used: boolean
}

/** Unclaimed keys per device; an upload beyond it is refused. Clients keep 50 to 100. */
export const MAX_ONE_TIME_KEYS_PER_DEVICE = 1_000

/** Ids of claimed keys remembered per device, so that a retried upload does not bring one back; the oldest go first. */
export const MAX_CLAIMED_IDS_PER_DEVICE = 2_000

/** Devices whose counts are kept in memory. */
const MAX_CACHED_COUNTS = 2_000

type Counts = { readonly [algorithm: string]: number }

/**
 * One-time and fallback keys of local users' devices. A one-time key is handed out at most once, whatever crashes: it is
 * gone from the disk before it is in any answer.
 */
export class OneTimeKeys implements DeviceKeyCounts, DeviceFollower {
  readonly #deps: OneTimeKeysDeps
  readonly #keys
  readonly #ids
  readonly #fallback
  readonly #counts = new LruCache<string, Counts>(MAX_CACHED_COUNTS)
  /** One writer for all devices: a claim takes keys of many at once. */
  readonly #queue = new KeyedQueue()
  #lastOrder = 0

  constructor(deps: OneTimeKeysDeps) {
    const { store } = deps
    this.#deps = deps
    this.#keys = defineTable<[user: string, device: string, algorithm: string, order: number, id: string], JsonValue>(
      store,
      buckets.oneTimeKeys,
      'sssns',
    )
    this.#ids = defineTable<[user: string, device: string, algorithm: string, id: string], KnownId>(
      store,
      buckets.oneTimeKeyIds,
      'ssss',
    )
    this.#fallback = defineTable<[user: string, device: string, algorithm: string], FallbackRow>(
      store,
      buckets.fallbackKeys,
      'sss',
    )
  }

  /**
   * Stores new keys, durably. A key that is known already (unclaimed or claimed) with the same content is skipped; with
   * another content the whole upload is a 400.
   */
  add(userId: UserId, deviceId: string, keys: readonly OneTimeKey[], fallback: readonly OneTimeKey[]): Promise<void> {
    return this.#queue.run('keys', async () => {
      const operations = [
        ...(await this.#additions(userId, deviceId, keys)),
        ...(await this.#newFallbacks(userId, deviceId, fallback)),
      ]
      if (operations.length === 0) return
      await this.#deps.store.batch([...operations, ...(await this.#forgottenIds(userId, deviceId))])
      this.#counts.delete(cacheKey(userId, deviceId))
    })
  }

  /** Takes the oldest key for each claim, else the fallback key. Durable before it resolves; claims without a key are left out. */
  claim(claims: readonly KeyClaim[]): Promise<readonly ClaimedKey[]> {
    return this.#queue.run('keys', async () => {
      const taken: ClaimedKey[] = []
      const operations: BatchOperation[] = []
      for (const claim of claims) {
        const found = (await this.#takeOldest(claim)) ?? (await this.#takeFallback(claim))
        if (!found) continue
        taken.push(found.claimed)
        operations.push(...found.operations)
      }
      if (operations.length === 0) return taken
      await this.#commitClaims(operations, new Set(taken.map(({ userId }) => userId)))
      for (const { userId, deviceId } of taken) this.#counts.delete(cacheKey(userId, deviceId))
      return taken
    })
  }

  /** Algorithms with unclaimed keys; `signed_curve25519` always, since clients take its absence for "unknown". */
  async oneTimeKeyCounts(userId: UserId, deviceId: string): Promise<Counts> {
    const key = cacheKey(userId, deviceId)
    const cached = this.#counts.get(key)
    if (cached) return cached
    return this.#queue.run('keys', async () => {
      const counts = new Map([['signed_curve25519', 0]])
      for await (const { key: row } of this.#keys.scan([userId, deviceId])) {
        counts.set(row[2], (counts.get(row[2]) ?? 0) + 1)
      }
      const result = Object.fromEntries(counts)
      this.#counts.set(key, result)
      return result
    })
  }

  async unusedFallbackKeyTypes(userId: UserId, deviceId: string): Promise<readonly string[]> {
    const unused: string[] = []
    for await (const { key, row } of this.#fallback.scan([userId, deviceId])) if (!row.used) unused.push(key[2])
    return unused
  }

  async forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]> {
    const operations: BatchOperation[] = []
    for await (const { key } of this.#keys.scan([userId, deviceId])) operations.push(this.#keys.del(...key))
    for await (const { key } of this.#ids.scan([userId, deviceId])) operations.push(this.#ids.del(...key))
    for await (const { key } of this.#fallback.scan([userId, deviceId])) operations.push(this.#fallback.del(...key))
    this.#counts.delete(cacheKey(userId, deviceId))
    return operations
  }

  async #additions(userId: UserId, deviceId: string, keys: readonly OneTimeKey[]): Promise<BatchOperation[]> {
    const known = await this.#ids.getMany(keys.map(({ algorithm, keyId }) => [userId, deviceId, algorithm, keyId]))
    const operations: BatchOperation[] = []
    this.#lastOrder = Math.max(this.#deps.clock.now(), this.#lastOrder + 1)
    const order = this.#lastOrder
    let added = 0
    for (const [index, { algorithm, keyId, key }] of keys.entries()) {
      const digest = digestOf(key)
      const before = known[index]
      if (before?.digest === digest) continue
      if (before) throw alreadyThere(algorithm, keyId)
      added++
      operations.push(
        this.#keys.put([userId, deviceId, algorithm, order, keyId], key),
        this.#ids.put([userId, deviceId, algorithm, keyId], { order, digest }),
      )
    }
    if (added > 0 && (await this.#unclaimed(userId, deviceId)) + added > MAX_ONE_TIME_KEYS_PER_DEVICE) {
      throw new MatrixError(
        400,
        'M_INVALID_PARAM',
        `A device keeps at most ${MAX_ONE_TIME_KEYS_PER_DEVICE} one-time keys`,
      )
    }
    return operations
  }

  async #newFallbacks(userId: UserId, deviceId: string, keys: readonly OneTimeKey[]): Promise<BatchOperation[]> {
    const operations: BatchOperation[] = []
    for (const { algorithm, keyId, key } of keys) {
      const before = await this.#fallback.get(userId, deviceId, algorithm)
      // A retry of the upload must not make a used key count as unused again.
      if (before?.keyId === keyId && digestOf(before.key) === digestOf(key)) continue
      operations.push(this.#fallback.put([userId, deviceId, algorithm], { keyId, key, used: false }))
    }
    return operations
  }

  /** Removals of remembered ids beyond the bound. */
  async #forgottenIds(userId: UserId, deviceId: string): Promise<BatchOperation[]> {
    const claimed: { readonly key: [string, string, string, string]; readonly order: number }[] = []
    for await (const { key, row } of this.#ids.scan([userId, deviceId])) {
      if (row.claimed) claimed.push({ key, order: row.order })
    }
    if (claimed.length <= MAX_CLAIMED_IDS_PER_DEVICE) return []
    claimed.sort((a, b) => a.order - b.order)
    return claimed.slice(0, claimed.length - MAX_CLAIMED_IDS_PER_DEVICE).map(({ key }) => this.#ids.del(...key))
  }

  async #unclaimed(userId: UserId, deviceId: string): Promise<number> {
    let count = 0
    for await (const _row of this.#keys.scan([userId, deviceId])) count++
    return count
  }

  async #takeOldest(claim: KeyClaim) {
    const { userId, deviceId, algorithm } = claim
    for await (const { key, row } of this.#keys.scan([userId, deviceId, algorithm], { limit: 1 })) {
      const [, , , order, keyId] = key
      const known: KnownId = { order, digest: digestOf(row), claimed: true }
      return {
        claimed: { ...claim, keyId, key: row },
        operations: [this.#keys.del(...key), this.#ids.put([userId, deviceId, algorithm, keyId], known)],
      }
    }
    return undefined
  }

  async #takeFallback(claim: KeyClaim) {
    const { userId, deviceId, algorithm } = claim
    const row = await this.#fallback.get(userId, deviceId, algorithm)
    if (!row) return undefined
    return {
      claimed: { ...claim, keyId: row.keyId, key: row.key },
      operations: row.used ? [] : [this.#fallback.put([userId, deviceId, algorithm], { ...row, used: true })],
    }
  }

  /** At a position, so that the devices' next syncs tell them to upload more. */
  async #commitClaims(operations: readonly BatchOperation[], users: ReadonlySet<UserId>): Promise<void> {
    const pending = this.#deps.positions.allocate()
    try {
      await this.#deps.store.batch(operations)
    } catch (error) {
      pending.abandon()
      throw error
    }
    pending.done({ users: [...users] })
  }
}

function digestOf(key: JsonValue): string {
  return createHash('sha256').update(canonicalJson(key), 'utf8').digest('base64url')
}

function cacheKey(userId: UserId, deviceId: string): string {
  return `${userId} ${deviceId}`
}

function alreadyThere(algorithm: string, keyId: string): MatrixError {
  return new MatrixError(
    400,
    'M_INVALID_PARAM',
    `One-time key ${algorithm}:${keyId} already exists with another content`,
  )
}
