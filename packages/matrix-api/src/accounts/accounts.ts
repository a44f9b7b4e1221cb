import {
  type Clock,
  isStrictLocalpart,
  type KeyValueStore,
  makeUserId,
  parseUserId,
  type RandomBytes,
  type ServerName,
  serverOf,
  type UserId,
} from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import { hashPassword, type PasswordHash, passwordMatches, wasteTimeLikeAMatch } from './password-hash.ts'

export interface AccountRow {
  /** The owner may log in on this device without a password; `system` speaks for the node and cannot log in at all. */
  readonly kind: 'owner' | 'user' | 'system'
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
  readonly password?: PasswordHash
  readonly deactivatedAt?: number
  readonly locked?: boolean
  readonly suspended?: boolean
}

/** What the owner has put upon an account (Client-Server API, "Account locking", "Account suspension"). */
export interface Standing {
  readonly locked: boolean
  readonly suspended: boolean
}

const GOOD_STANDING: Standing = { locked: false, suspended: false }

export interface AccountsDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly serverName: ServerName
}

/** Longest password taken, in UTF-16 units: hashing is paid by the byte. */
export const MAX_PASSWORD_LENGTH = 512

/** The people with an account on this node. */
export class Accounts {
  readonly #deps: AccountsDeps
  readonly #table
  readonly #queue = new KeyedQueue()
  readonly #newcomers = new Set<(userId: UserId) => void>()
  /** Accounts in other than good standing: few, and only the owner makes them. Read once, asked at every request. */
  #restricted: Promise<Map<UserId, Standing>> | undefined

  constructor(deps: AccountsDeps) {
    this.#deps = deps
    this.#table = defineTable<[user: string], AccountRow>(deps.store, buckets.accounts, 's')
  }

  /** The owner's account, made if it is not there. Called once at start, before anything listens. */
  async ensureOwner(localpart: string): Promise<UserId> {
    const userId = makeUserId(localpart, this.#deps.serverName)
    await this.#queue.run(userId, async () => {
      if (await this.#table.get(userId)) return
      await this.#write(userId, { kind: 'owner', createdAt: this.#deps.clock.now() })
    })
    return userId
  }

  /** Throws `M_INVALID_USERNAME`, `M_USER_IN_USE`. A deactivated account's name stays taken. */
  async create(localpart: string, password: string | undefined): Promise<UserId> {
    const userId = this.newUserId(localpart)
    const hash = password === undefined ? undefined : await this.#hash(password)
    await this.#queue.run(userId, async () => {
      if (await this.#table.get(userId)) throw userInUse()
      const row: AccountRow = { kind: 'user', createdAt: this.#deps.clock.now(), ...(hash ? { password: hash } : {}) }
      await this.#write(userId, row)
    })
    for (const listener of this.#newcomers) listener(userId)
    return userId
  }

  /** Called for every account that `create` makes, once it is durable. */
  onCreated(listener: (userId: UserId) => void): void {
    this.#newcomers.add(listener)
  }

  /**
   * The account in whose name the node itself speaks, made if it is not there. A person who already has the name keeps it:
   * the next free one with a number is taken.
   */
  async ensureSystem(localpart: string): Promise<UserId> {
    for (let number = 1; ; number++) {
      const userId = makeUserId(number === 1 ? localpart : `${localpart}${number}`, this.#deps.serverName)
      const kind = await this.#queue.run(userId, async () => {
        const row = await this.#table.get(userId)
        if (!row) await this.#write(userId, { kind: 'system', createdAt: this.#deps.clock.now() })
        return row?.kind ?? 'system'
      })
      if (kind === 'system') return userId
    }
  }

  async standing(userId: UserId): Promise<Standing> {
    this.#restricted ??= this.#readRestricted()
    return (await this.#restricted).get(userId) ?? GOOD_STANDING
  }

  /** Durable when it resolves. Throws 404 where there is no such active account. */
  async setStanding(userId: UserId, change: Partial<Standing>): Promise<Standing> {
    return this.#queue.run(userId, async () => {
      const row = await this.#active(userId)
      if (!row) throw new MatrixError(404, 'M_NOT_FOUND', 'No such account')
      const { locked = false, suspended = false } = { ...row, ...change }
      await this.#write(userId, { ...row, locked, suspended })
      this.#restricted ??= this.#readRestricted()
      const restricted = await this.#restricted
      if (locked || suspended) restricted.set(userId, { locked, suspended })
      else restricted.delete(userId)
      return { locked, suspended }
    })
  }

  async #readRestricted(): Promise<Map<UserId, Standing>> {
    const restricted = new Map<UserId, Standing>()
    for await (const { key, row } of this.#table.scan([])) {
      const { locked = false, suspended = false } = row
      if (locked || suspended) restricted.set(key[0] as UserId, { locked, suspended })
    }
    return restricted
  }

  /** The id that an account with this localpart would have; throws 400 `M_INVALID_USERNAME` outside the grammar. */
  newUserId(localpart: string): UserId {
    const userId = isStrictLocalpart(localpart) && this.userIdOf(localpart)
    if (!userId) throw new MatrixError(400, 'M_INVALID_USERNAME', 'A user name holds only a–z, 0–9 and . _ = - / +')
    return userId
  }

  /** The local user with that localpart, whether there is such an account or not; undefined where none can be. */
  userIdOf(localpart: string): UserId | undefined {
    return parseUserId(`@${localpart}:${this.#deps.serverName}`, 'strict')
  }

  /** Throws as `create` would. */
  async assertAvailable(localpart: string): Promise<void> {
    if (await this.#table.get(this.newUserId(localpart))) throw userInUse()
  }

  isLocal(userId: UserId): boolean {
    return serverOf(userId) === this.#deps.serverName
  }

  /** True for an account that has not been deactivated. */
  async exists(userId: UserId): Promise<boolean> {
    return (await this.#active(userId)) !== undefined
  }

  /** Whether there is somebody behind the account: others may invite and ask for these, not for the node's own voice. */
  async isPerson(userId: UserId): Promise<boolean> {
    const row = await this.#active(userId)
    return row !== undefined && row.kind !== 'system'
  }

  async get(userId: UserId): Promise<AccountRow | undefined> {
    return this.#table.get(userId)
  }

  async hasPassword(userId: UserId): Promise<boolean> {
    return (await this.#active(userId))?.password !== undefined
  }

  /** True where at least one account can log in by password. */
  async anyPassword(): Promise<boolean> {
    for await (const { row } of this.#table.scan([])) if (row.password !== undefined) return true
    return false
  }

  async isOwner(userId: UserId): Promise<boolean> {
    return (await this.#active(userId))?.kind === 'owner'
  }

  /** The first owner account; undefined before `ensureOwner`. */
  async owner(): Promise<UserId | undefined> {
    for await (const { key, row } of this.#table.scan([])) {
      if (row.kind === 'owner' && row.deactivatedAt === undefined) return key[0] as UserId
    }
    return undefined
  }

  /** Active accounts of people, by id. */
  async list(limit = 1_000): Promise<readonly UserId[]> {
    const users: UserId[] = []
    for await (const { key, row } of this.#table.scan([], { limit })) {
      if (row.deactivatedAt === undefined && row.kind !== 'system') users.push(key[0] as UserId)
    }
    return users
  }

  /** Takes as long for an unknown user as for a wrong password. */
  async passwordIs(userId: UserId, password: string): Promise<boolean> {
    const stored = (await this.#active(userId))?.password
    if (password.length > MAX_PASSWORD_LENGTH) return false
    if (stored) return passwordMatches(password, stored)
    await wasteTimeLikeAMatch(password)
    return false
  }

  async setPassword(userId: UserId, password: string): Promise<void> {
    const hash = await this.#hash(password)
    await this.#queue.run(userId, async () => {
      const row = await this.#active(userId)
      if (!row) throw new MatrixError(404, 'M_NOT_FOUND', 'No such account')
      await this.#write(userId, { ...row, password: hash })
    })
  }

  /** The account can never be used again, and its name not be taken. */
  async deactivate(userId: UserId): Promise<void> {
    await this.#queue.run(userId, async () => {
      const row = await this.#active(userId)
      if (!row) return
      const { password: _dropped, ...kept } = row
      await this.#write(userId, { ...kept, deactivatedAt: this.#deps.clock.now() })
    })
  }

  async #active(userId: UserId): Promise<AccountRow | undefined> {
    const row = await this.#table.get(userId)
    return row?.deactivatedAt === undefined ? row : undefined
  }

  #hash(password: string): Promise<PasswordHash> {
    if (password === '') throw new MatrixError(400, 'M_WEAK_PASSWORD', 'The password is empty')
    if (password.length > MAX_PASSWORD_LENGTH) {
      throw new MatrixError(400, 'M_INVALID_PARAM', `A password has at most ${MAX_PASSWORD_LENGTH} characters`)
    }
    return hashPassword(password, this.#deps.randomBytes)
  }

  #write(userId: UserId, row: AccountRow): Promise<void> {
    return this.#deps.store.batch([this.#table.put([userId], row)])
  }
}

function userInUse(): MatrixError {
  return new MatrixError(400, 'M_USER_IN_USE', 'That user name is taken')
}
