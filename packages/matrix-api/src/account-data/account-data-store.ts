import type { BatchOperation, JsonObject, KeyValueStore, RoomId, UserId } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import type { Position, StreamPositions } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import type { AccountData, AccountDataChange } from '../sync/ports.ts'

interface Row {
  readonly content: JsonObject
  readonly position: Position
}

/** Content that is made when read instead of stored: push rules, whose defaults change with the software. */
export type RenderedTypes = { readonly [type: string]: (userId: UserId) => Promise<JsonObject> }

/** How much one user's data may be together; what a client sets beyond it is refused, what the server keeps there is not. */
export interface AccountDataLimits {
  readonly types: number
  /** UTF-16 units of JSON. */
  readonly length: number
}

/** Far above any client's: Element keeps some hundred types and a few per room. */
export const ACCOUNT_DATA_LIMITS: AccountDataLimits = { types: 50_000, length: 64 * 1024 * 1024 }

/** Users whose fill is kept in memory; the longest unused goes first and is counted anew. */
const MAX_CACHED_FILLS = 500

/** Global account data is kept under this in place of a room id. */
const GLOBAL = ''

/**
 * Account data of local users, global and per room (Client-Server API, "Client Config"). Each write gets a position; a log
 * row per datum says where in the stream it last changed.
 */
export class AccountDataStore implements AccountData {
  readonly #store: KeyValueStore
  readonly #positions: StreamPositions
  readonly #rendered: RenderedTypes
  readonly #rows
  readonly #log
  readonly #limits: AccountDataLimits
  readonly #erasedUsers
  readonly #queue = new KeyedQueue()
  readonly #fills = new LruCache<UserId, { readonly types: number; readonly length: number }>(MAX_CACHED_FILLS)
  /** Grows with accounts that are no more. */
  #erased: Promise<Map<UserId, Position>> | undefined

  constructor(
    deps: { readonly store: KeyValueStore; readonly positions: StreamPositions },
    rendered: RenderedTypes = {},
    limits = ACCOUNT_DATA_LIMITS,
  ) {
    this.#limits = limits
    this.#store = deps.store
    this.#positions = deps.positions
    this.#rendered = rendered
    this.#rows = defineTable<[user: string, room: string, type: string], Row>(deps.store, buckets.accountData, 'sss')
    this.#log = defineTable<[user: string, position: number], { readonly roomId: string; readonly type: string }>(
      deps.store,
      buckets.accountDataStream,
      'sn',
    )
    this.#erasedUsers = defineTable<[user: string], { position: Position }>(deps.store, buckets.erasedUsers, 's')
  }

  async get(userId: UserId, roomId: RoomId | undefined, type: string): Promise<JsonObject | undefined> {
    const render = roomId === undefined ? this.#renderer(type) : undefined
    if (render) return render(userId)
    return (await this.#rows.get(userId, roomId ?? GLOBAL, type))?.content
  }

  put(userId: UserId, roomId: RoomId | undefined, type: string, content: JsonObject): Promise<void> {
    return this.update(userId, roomId, type, () => content)
  }

  /**
   * Replaces the content by what `change` makes of it, with nothing in between; undefined from `change` leaves it as it is.
   * `further` operations are committed in the same batch. `bounded`: by a client, so that 413 `M_TOO_LARGE` is thrown where
   * the user's data would outgrow its limits.
   */
  update(
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    change: (content: JsonObject | undefined) => JsonObject | undefined,
    further: readonly BatchOperation[] = [],
    options: { readonly bounded?: boolean } = {},
  ): Promise<void> {
    return this.#queue.run(userId, async () => {
      const room = roomId ?? GLOBAL
      const before = await this.#rows.get(userId, room, type)
      const content = change(before?.content)
      if (content === undefined) return
      const fill = grown(await this.#fill(userId), before?.content, content)
      if (options.bounded && this.#outgrows(fill, before?.content, content)) {
        throw new MatrixError(413, 'M_TOO_LARGE', 'There is too much account data: remove some')
      }
      const pending = this.#positions.allocate()
      try {
        await this.#store.batch([
          ...(before ? [this.#log.del(userId, before.position)] : []),
          this.#rows.put([userId, room, type], { content, position: pending.position }),
          this.#log.put([userId, pending.position], { roomId: room, type }),
          ...further,
        ])
      } catch (error) {
        pending.abandon()
        throw error
      }
      this.#fills.set(userId, fill)
      pending.done({ users: [userId] })
    })
  }

  async changes(userId: UserId, from: Position, to: Position): Promise<readonly AccountDataChange[]> {
    const found: { roomId: string; type: string; position: Position }[] = []
    for await (const { key, row } of this.#log.scan([userId], { after: from, upTo: to })) {
      found.push({ ...row, position: key[1] })
    }
    const rows = await this.#rows.getMany(found.map(({ roomId, type }) => [userId, roomId, type] as const))
    const changes = await Promise.all(
      found.map(async ({ roomId, type, position }, index) => {
        const render = roomId === GLOBAL ? this.#renderer(type) : undefined
        const content = render ? await render(userId) : rows[index]?.content
        return content && { roomId: roomId === GLOBAL ? undefined : (roomId as RoomId), type, content, position }
      }),
    )
    const known = changes.filter((change) => change !== undefined)
    return from === 0 ? [...(await this.#neverSet(userId, known)), ...known] : known
  }

  /** Removes all of a user's data; their events are shown redacted from now on to whoever could not see them before. */
  async erase(userId: UserId): Promise<void> {
    await this.#queue.run(userId, async () => {
      const position = this.#positions.current()
      const operations: BatchOperation[] = [this.#erasedUsers.put([userId], { position })]
      for await (const { key } of this.#rows.scan([userId])) operations.push(this.#rows.del(...key))
      for await (const { key } of this.#log.scan([userId])) operations.push(this.#log.del(...key))
      await this.#store.batch(operations)
      this.#fills.delete(userId)
      const erased = await this.erased()
      this.#erased = Promise.resolve(new Map(erased).set(userId, position))
    })
  }

  erased(): Promise<ReadonlyMap<UserId, Position>> {
    this.#erased ??= this.#readErased()
    return this.#erased
  }

  async #readErased(): Promise<Map<UserId, Position>> {
    const rows = await Array.fromAsync(this.#erasedUsers.scan([]))
    return new Map(rows.map(({ key, row }) => [key[0] as UserId, row.position]))
  }

  async #fill(userId: UserId) {
    const known = this.#fills.get(userId)
    if (known) return known
    let fill = { types: 0, length: 0 }
    for await (const { row } of this.#rows.scan([userId])) fill = grown(fill, undefined, row.content)
    this.#fills.set(userId, fill)
    return fill
  }

  /** Over its limits, and not by this change any less. */
  #outgrows(fill: AccountDataLimits, before: JsonObject | undefined, content: JsonObject): boolean {
    if (before === undefined && fill.types > this.#limits.types) return true
    return fill.length > this.#limits.length && lengthOf(content) > lengthOf(before)
  }

  /** Rendered types have content before anybody sets it: a first sync holds it. */
  async #neverSet(userId: UserId, known: readonly AccountDataChange[]): Promise<readonly AccountDataChange[]> {
    const missing = Object.keys(this.#rendered).filter(
      (type) => !known.some((change) => change.roomId === undefined && change.type === type),
    )
    return Promise.all(
      missing.map(async (type) => ({
        roomId: undefined,
        type,
        content: (await this.#renderer(type)?.(userId)) ?? {},
        position: 0,
      })),
    )
  }

  #renderer(type: string): ((userId: UserId) => Promise<JsonObject>) | undefined {
    return Object.hasOwn(this.#rendered, type) ? this.#rendered[type] : undefined
  }
}

function grown(fill: AccountDataLimits, before: JsonObject | undefined, content: JsonObject): AccountDataLimits {
  return {
    types: fill.types + (before === undefined ? 1 : 0),
    length: fill.length + lengthOf(content) - lengthOf(before),
  }
}

function lengthOf(content: JsonObject | undefined): number {
  return content === undefined ? 0 : JSON.stringify(content).length
}
