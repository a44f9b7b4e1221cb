import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import type { Position } from '../ports.ts'
import { arrayIn, objectIn } from '../rooms/content.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import type { AccountData } from '../sync/ports.ts'

/** Users whose labels are kept; the longest unused are read anew. */
const MAX_USERS = 200

/** What a user's own account data says about their rooms. */
export interface RoomLabels {
  /** Rooms in `m.direct`. */
  readonly direct: ReadonlySet<string>
  /** `m.tag`, where there are any. */
  readonly tags: ReadonlyMap<RoomId, ReadonlySet<string>>
  readonly position: Position
}

/** Direct rooms and tags of every user, read once and then kept by position. */
export class UserRoomLabels {
  readonly #accountData: AccountData
  readonly #labels = new LruCache<UserId, RoomLabels>(MAX_USERS)
  readonly #queue = new KeyedQueue()

  constructor(accountData: AccountData) {
    this.#accountData = accountData
  }

  /** At least up to `to`. */
  of(userId: UserId, to: Position): Promise<RoomLabels> {
    return this.#queue.run(userId, async () => {
      const before = this.#labels.get(userId)
      if (before && before.position >= to) return before
      const changes = await this.#accountData.changes(userId, before?.position ?? 0, to)
      let direct = before?.direct ?? new Set<string>()
      let tags = before?.tags ?? new Map<RoomId, ReadonlySet<string>>()
      for (const { roomId, type, content } of changes) {
        if (roomId === undefined && type === 'm.direct') direct = directRooms(content)
        if (roomId === undefined || type !== 'm.tag') continue
        tags = new Map(tags).set(roomId, new Set(Object.keys(objectIn(content, 'tags') ?? {})))
      }
      const labels = { direct, tags, position: to }
      this.#labels.set(userId, labels)
      return labels
    })
  }
}

/** `m.direct` (Client-Server API, "Direct Messaging"): user id → room ids. The client wrote it, so it may be anything. */
function directRooms(content: JsonObject): ReadonlySet<string> {
  const rooms = Object.keys(content).flatMap((user) => arrayIn(content, user) ?? [])
  return new Set(rooms.filter((room) => typeof room === 'string'))
}
