import type { BatchOperation, JsonObject, KeyValueStore, RoomId, UserId } from '@starling/protocol'
import type { Position, StreamPositions } from '../ports.ts'
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
  readonly #queue = new KeyedQueue()

  constructor(
    deps: { readonly store: KeyValueStore; readonly positions: StreamPositions },
    rendered: RenderedTypes = {},
  ) {
    this.#store = deps.store
    this.#positions = deps.positions
    this.#rendered = rendered
    this.#rows = defineTable<[user: string, room: string, type: string], Row>(deps.store, buckets.accountData, 'sss')
    this.#log = defineTable<[user: string, position: number], { readonly roomId: string; readonly type: string }>(
      deps.store,
      buckets.accountDataStream,
      'sn',
    )
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
   * `further` operations are committed in the same batch.
   */
  update(
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    change: (content: JsonObject | undefined) => JsonObject | undefined,
    further: readonly BatchOperation[] = [],
  ): Promise<void> {
    return this.#queue.run(userId, async () => {
      const room = roomId ?? GLOBAL
      const before = await this.#rows.get(userId, room, type)
      const content = change(before?.content)
      if (content === undefined) return
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

  /** What removes all of a user's data. */
  async erase(userId: UserId): Promise<void> {
    await this.#queue.run(userId, async () => {
      const operations: BatchOperation[] = []
      for await (const { key } of this.#rows.scan([userId])) operations.push(this.#rows.del(...key))
      for await (const { key } of this.#log.scan([userId])) operations.push(this.#log.del(...key))
      if (operations.length > 0) await this.#store.batch(operations)
    })
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
