import {
  type BatchOperation,
  type JsonObject,
  type JsonValue,
  type KeyValueStore,
  type UserId,
  withValue,
} from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import type { Profiles as MemberProfiles } from '../sync/ports.ts'

/** The whole profile as JSON, in bytes. Client-Server API, "Profiles". */
export const MAX_PROFILE_BYTES = 64 * 1024

/** Profiles of local users, field by field. */
export class ProfileStore implements MemberProfiles {
  readonly #store: KeyValueStore
  readonly #fields
  readonly #queue = new KeyedQueue()

  constructor(store: KeyValueStore) {
    this.#store = store
    this.#fields = defineTable<[user: string, field: string], { readonly value: JsonValue }>(
      store,
      buckets.profiles,
      'ss',
    )
  }

  async field(userId: UserId, name: string): Promise<JsonValue | undefined> {
    return (await this.#fields.get(userId, name))?.value
  }

  /** All fields; empty for who has set none. */
  async whole(userId: UserId): Promise<JsonObject> {
    let profile: JsonObject = {}
    for await (const { key, row } of this.#fields.scan([userId])) profile = withValue(profile, key[1], row.value)
    return profile
  }

  async memberContent(userId: UserId): Promise<{ readonly displayname?: string; readonly avatar_url?: string }> {
    const [displayname, avatarUrl] = await this.#fields.getMany([
      [userId, 'displayname'],
      [userId, 'avatar_url'],
    ])
    return {
      ...(typeof displayname?.value === 'string' && { displayname: displayname.value }),
      ...(typeof avatarUrl?.value === 'string' && { avatar_url: avatarUrl.value }),
    }
  }

  /**
   * Sets a field, or removes it with `undefined`; `further` operations are committed with it. False where it was so
   * already. Throws 400 `M_PROFILE_TOO_LARGE`.
   */
  set(
    userId: UserId,
    name: string,
    value: JsonValue | undefined,
    further: readonly BatchOperation[] = [],
  ): Promise<boolean> {
    return this.#queue.run(userId, async () => {
      const before = await this.field(userId, name)
      if (JSON.stringify(before) === JSON.stringify(value)) return false
      if (value !== undefined) {
        const profile = withValue(await this.whole(userId), name, value)
        if (Buffer.byteLength(JSON.stringify(profile)) > MAX_PROFILE_BYTES) {
          throw new MatrixError(400, 'M_PROFILE_TOO_LARGE', 'A profile has at most 64 KiB')
        }
      }
      const change = value === undefined ? this.#fields.del(userId, name) : this.#fields.put([userId, name], { value })
      await this.#store.batch([change, ...further])
      return true
    })
  }

  erase(userId: UserId): Promise<void> {
    return this.#queue.run(userId, async () => {
      const operations: BatchOperation[] = []
      for await (const { key } of this.#fields.scan([userId])) operations.push(this.#fields.del(...key))
      if (operations.length > 0) await this.#store.batch(operations)
    })
  }
}
