import type { BatchOperation, Clock, KeyValueStore, RoomAlias, RoomId, UserId } from '@starling/protocol'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'

export interface AliasEntry {
  readonly roomId: RoomId
  /** Who made the alias and may remove it. */
  readonly creator: UserId
}

/** This server's aliases and its published rooms (Client-Server API, "Room aliases", "Published room directory"). */
export interface RoomDirectory {
  alias(alias: RoomAlias): Promise<AliasEntry | undefined>
  aliasesOf(roomId: RoomId): Promise<RoomAlias[]>
  /** False where the alias is taken already, by whatever room. */
  addAlias(alias: RoomAlias, entry: AliasEntry): Promise<boolean>
  removeAlias(alias: RoomAlias): Promise<void>
  /** Every alias of the one room now leads to the other (room upgrade). */
  moveAliases(from: RoomId, to: RoomId): Promise<void>
  isPublished(roomId: RoomId): Promise<boolean>
  setPublished(roomId: RoomId, published: boolean): Promise<void>
  /** In the order of their ids. */
  publishedRooms(): Promise<RoomId[]>
}

export function createRoomDirectory(store: KeyValueStore, clock: Clock): RoomDirectory {
  const aliases = defineTable<[alias: string], AliasEntry>(store, buckets.aliases, 's')
  const byRoom = defineTable<[roomId: string, alias: string], object>(store, buckets.aliasesByRoom, 'ss')
  const published = defineTable<[roomId: string], { publishedAt: number }>(store, buckets.publishedRooms, 's')
  const queue = new KeyedQueue()

  const aliasesOf = async (roomId: RoomId) => {
    const rows = await Array.fromAsync(byRoom.scan([roomId]))
    return rows.map(({ key }) => key[1] as RoomAlias)
  }
  const link = (alias: RoomAlias, entry: AliasEntry): BatchOperation[] => [
    aliases.put([alias], entry),
    byRoom.put([entry.roomId, alias], {}),
  ]

  return {
    alias: (alias) => aliases.get(alias),
    aliasesOf,
    addAlias: (alias, entry) =>
      queue.run('aliases', async () => {
        if (await aliases.get(alias)) return false
        await store.batch(link(alias, entry))
        return true
      }),
    removeAlias: (alias) =>
      queue.run('aliases', async () => {
        const entry = await aliases.get(alias)
        if (entry) await store.batch([aliases.del(alias), byRoom.del(entry.roomId, alias)])
      }),
    moveAliases: (from, to) =>
      queue.run('aliases', async () => {
        const operations: BatchOperation[] = []
        for (const alias of await aliasesOf(from)) {
          const entry = await aliases.get(alias)
          operations.push(byRoom.del(from, alias))
          if (entry) operations.push(...link(alias, { ...entry, roomId: to }))
        }
        if (operations.length > 0) await store.batch(operations)
      }),
    isPublished: async (roomId) => (await published.get(roomId)) !== undefined,
    setPublished: (roomId, isPublic) =>
      store.batch([isPublic ? published.put([roomId], { publishedAt: clock.now() }) : published.del(roomId)]),
    async publishedRooms() {
      const rows = await Array.fromAsync(published.scan([]))
      return rows.map(({ key }) => key[0] as RoomId)
    },
  }
}
