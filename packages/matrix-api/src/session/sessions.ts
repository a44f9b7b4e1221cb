import type { BatchOperation, Clock, KeyValueStore, RandomBytes, UserId } from '@starling/protocol'
import type { TokenCheck, TokenChecker } from '../http/access-token.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import { LastSeen } from './last-seen.ts'
import { newToken, tokenHash } from './token.ts'

/** Hashes of a token pair that dies once its successor is used. */
interface Pair {
  readonly access: string | undefined
  readonly refresh: string
}

interface AccessRow {
  readonly userId: UserId
  readonly deviceId: string
  readonly createdAt: number
  /** Milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number
  readonly replaces?: Pair
}

interface RefreshRow {
  readonly userId: UserId
  readonly deviceId: string
  readonly access: string
  readonly replaces?: Pair
  /** The pair handed out for this token and not used yet. */
  readonly issued?: Pair
}

/** What takes tokens out of the store, and the hashes of the access tokens among them. */
interface Removal {
  readonly operations: readonly BatchOperation[]
  readonly access: readonly string[]
}

const NOTHING: Removal = { operations: [], access: [] }

function both(a: Removal, b: Removal): Removal {
  return { operations: [...a.operations, ...b.operations], access: [...a.access, ...b.access] }
}

export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Life of the access token; undefined: does not expire. */
  readonly expiresInMs: number | undefined
}

export interface SessionsDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  /**
   * A session that nobody used for this long is over, softly: the client keeps its keys and logs in again on the same
   * device. In milliseconds; undefined: sessions last until they are ended.
   */
  readonly idleMs?: number | undefined
}

/** Life of an access token of a client that can refresh. One that cannot keeps its token until it logs out. */
export const REFRESHABLE_TOKEN_LIFE_MS = 24 * 60 * 60 * 1000

/** Checked tokens kept in memory; beyond that the one longest kept goes first. */
const MAX_CACHED = 2_000

/**
 * Access and refresh tokens of the local users' devices (Client-Server API, "Relationship between access tokens and
 * devices"). Survives restarts; holds hashes only. Devices themselves are `devices/`.
 */
export class Sessions implements TokenChecker {
  readonly #deps: SessionsDeps
  readonly #access
  readonly #refresh
  readonly #byDevice
  readonly #queue = new KeyedQueue()
  readonly #cache = new Map<string, AccessRow>()
  /** Counts them, so that a check can tell that one came between its reading and its remembering. */
  #revocations = 0
  readonly lastSeen: LastSeen

  constructor(deps: SessionsDeps) {
    this.#deps = deps
    this.#access = defineTable<[hash: string], AccessRow>(deps.store, buckets.sessions, 's')
    this.#refresh = defineTable<[hash: string], RefreshRow>(deps.store, buckets.refreshTokens, 's')
    this.#byDevice = defineTable<[user: string, device: string, kind: string, hash: string], Record<string, never>>(
      deps.store,
      buckets.sessionsByDevice,
      'ssss',
    )
    this.lastSeen = new LastSeen(deps.store, deps.clock)
  }

  /** A new session; tokens that the device had before are revoked. Durable when it resolves. */
  create(userId: UserId, deviceId: string, options: { readonly refreshable?: boolean } = {}): Promise<IssuedTokens> {
    return this.#queue.run(userId, async () => {
      const removal = await this.#revocation(userId, deviceId)
      const { operations, issued } = this.#issue(userId, deviceId, options.refreshable ?? false, undefined)
      await this.#commit(removal, operations)
      return issued
    })
  }

  async check(
    token: string,
    seen: { readonly ip: string; readonly userAgent: string | undefined },
  ): Promise<TokenCheck> {
    const hash = tokenHash(token)
    const revocations = this.#revocations
    const found = this.#cache.get(hash) ?? (await this.#access.get(hash))
    const row = found?.replaces ? await this.#retire(hash, found) : found
    if (!row) return { kind: 'unknown' }
    if (row.expiresAt !== undefined && row.expiresAt <= this.#deps.clock.now()) return { kind: 'expired' }
    if (await this.#isIdle(row)) return { kind: 'expired' }
    // Read before a revocation, it must not stand in the cache after it.
    if (revocations === this.#revocations) this.#remember(hash, row)
    this.lastSeen.note(row.userId, row.deviceId, seen.ip)
    return { kind: 'valid', requester: { userId: row.userId, deviceId: row.deviceId, sessionId: hash } }
  }

  /** Whose refresh token it is, and whether its session is over for want of use; undefined where it is unknown or used up. */
  async sessionOf(refreshToken: string): Promise<{ readonly userId: UserId; readonly idle: boolean } | undefined> {
    const row = await this.#refresh.get(tokenHash(refreshToken))
    if (!row) return undefined
    const createdAt = (await this.#access.get(row.access))?.createdAt ?? 0
    return { userId: row.userId, idle: await this.#isIdle({ ...row, createdAt }) }
  }

  /** New tokens for a refresh token; undefined where it is unknown or used up. */
  async refresh(refreshToken: string): Promise<IssuedTokens | undefined> {
    const hash = tokenHash(refreshToken)
    const found = await this.#refresh.get(hash)
    if (!found) return undefined
    return this.#queue.run(found.userId, async () => {
      const row = await this.#refresh.get(hash)
      if (!row) return undefined
      this.lastSeen.note(row.userId, row.deviceId, undefined)
      const { userId, deviceId } = row
      const unused = row.issued ? this.#drop(userId, deviceId, row.issued) : NOTHING
      const older = row.replaces ? this.#drop(userId, deviceId, row.replaces) : NOTHING
      const { operations, issued, pair } = this.#issue(userId, deviceId, true, { access: row.access, refresh: hash })
      const { replaces: _used, ...kept } = row
      await this.#commit(both(unused, older), [...operations, this.#refresh.put([hash], { ...kept, issued: pair })])
      return issued
    })
  }

  /** Revokes every token of the device. */
  revokeDevice(userId: UserId, deviceId: string): Promise<void> {
    return this.#queue.run(userId, async () => {
      await this.#commit(await this.#revocation(userId, deviceId), this.lastSeen.forget(userId, deviceId))
    })
  }

  /** Ids of devices with at least one token. */
  async devicesOf(userId: UserId): Promise<readonly string[]> {
    const devices = new Set<string>()
    for await (const { key } of this.#byDevice.scan([userId])) devices.add(key[1])
    return [...devices]
  }

  async #isIdle({
    userId,
    deviceId,
    createdAt,
  }: Pick<AccessRow, 'userId' | 'deviceId' | 'createdAt'>): Promise<boolean> {
    const { idleMs, clock } = this.#deps
    if (idleMs === undefined) return false
    const used = Math.max(createdAt, await this.lastSeen.at(userId, deviceId))
    return clock.now() - used > idleMs
  }

  async #revocation(userId: UserId, deviceId: string): Promise<Removal> {
    let removal = NOTHING
    for await (const { key } of this.#byDevice.scan([userId, deviceId])) {
      const [, , kind, hash] = key
      const pair = kind === 'access' ? { access: hash, refresh: '' } : { access: undefined, refresh: hash }
      removal = both(removal, this.#drop(userId, deviceId, pair))
    }
    return removal
  }

  #issue(userId: UserId, deviceId: string, refreshable: boolean, replaces: Pair | undefined) {
    const { randomBytes, clock } = this.#deps
    const accessToken = newToken('access', randomBytes)
    const refreshToken = refreshable ? newToken('refresh', randomBytes) : undefined
    const access = tokenHash(accessToken)
    const now = clock.now()
    const expiry = refreshable ? { expiresAt: now + REFRESHABLE_TOKEN_LIFE_MS } : {}
    const after = replaces ? { replaces } : {}
    const operations = [
      this.#access.put([access], { userId, deviceId, createdAt: now, ...expiry, ...after }),
      this.#byDevice.put([userId, deviceId, 'access', access], {}),
    ]
    const refresh = refreshToken === undefined ? '' : tokenHash(refreshToken)
    if (refreshToken !== undefined) {
      operations.push(
        this.#refresh.put([refresh], { userId, deviceId, access, ...after }),
        this.#byDevice.put([userId, deviceId, 'refresh', refresh], {}),
      )
    }
    const expiresInMs = refreshable ? REFRESHABLE_TOKEN_LIFE_MS : undefined
    const issued: IssuedTokens = { accessToken, refreshToken, expiresInMs }
    return { operations, issued, pair: { access, refresh } }
  }

  /** First use of a refreshed token: the pair that it replaces is revoked. Undefined where it has been revoked itself. */
  #retire(hash: string, seen: AccessRow): Promise<AccessRow | undefined> {
    return this.#queue.run(seen.userId, async () => {
      const row = await this.#access.get(hash)
      if (!row?.replaces) return row
      const { replaces, ...kept } = row
      await this.#commit(this.#drop(row.userId, row.deviceId, replaces), [this.#access.put([hash], kept)])
      return kept
    })
  }

  #drop(userId: UserId, deviceId: string, { access, refresh }: Pair): Removal {
    const ofAccess =
      access === undefined ? [] : [this.#access.del(access), this.#byDevice.del(userId, deviceId, 'access', access)]
    const ofRefresh =
      refresh === '' ? [] : [this.#refresh.del(refresh), this.#byDevice.del(userId, deviceId, 'refresh', refresh)]
    return { operations: [...ofAccess, ...ofRefresh], access: access === undefined ? [] : [access] }
  }

  /** Forgets the removed tokens before and after they are gone from the store: a check in between may have read them. */
  async #commit(removal: Removal, operations: readonly BatchOperation[]): Promise<void> {
    this.#uncache(removal)
    await this.#deps.store.batch([...removal.operations, ...operations])
    this.#uncache(removal)
  }

  #uncache({ access }: Removal): void {
    if (access.length > 0) this.#revocations += 1
    for (const hash of access) this.#cache.delete(hash)
  }

  #remember(hash: string, row: AccessRow): void {
    this.#cache.delete(hash)
    this.#cache.set(hash, row)
    if (this.#cache.size <= MAX_CACHED) return
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      return
    }
  }
}
