import { createHash } from 'node:crypto'
import type { JsonObject, KeyValueStore, Logger, RoomId, UserId } from '@starling/protocol'
import type { Accounts } from '../accounts/accounts.ts'
import type { Rooms } from '../ports.ts'
import type { ProfileStore } from '../profile/profiles.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import { inviteToNotices, type NoticesRoomDeps, noticesRoom } from './notices-room.ts'

/** Localpart and display name of the account in whose name the node speaks. */
const SYSTEM_LOCALPART = 'starling'
const SYSTEM_NAME = 'Starling'

/** `server_notice_type` of what this software has to say; the spec lays down none for these. */
const MESSAGE_OF_THE_DAY = 'org.starling.message_of_the_day'

interface Row {
  readonly roomId: RoomId
  /** SHA-256 of the message of the day that was sent last, base64url. */
  readonly messageOfTheDay?: string
}

/** One notice. With `id`, sending it again (after a crash) is the same notice. */
export interface Notice {
  readonly type: string
  readonly body: string
  readonly id: string
}

export interface ServerNoticesDeps extends NoticesRoomDeps {
  readonly store: KeyValueStore
  readonly accounts: Accounts
  readonly rooms: Rooms
  readonly profiles: Pick<ProfileStore, 'set'>
  readonly logger: Logger
  /** Sent once to every user, and again whenever it is another text. Undefined: none. */
  readonly messageOfTheDay?: string | undefined
}

/**
 * What the node tells its users (Client-Server API, "Server Notices"): one room per user, made at the first need, in which
 * only the node speaks.
 */
export class ServerNotices {
  readonly #deps: ServerNoticesDeps
  readonly #table
  readonly #queue = new KeyedQueue()
  #system: Promise<UserId> | undefined

  constructor(deps: ServerNoticesDeps) {
    this.#deps = deps
    this.#table = defineTable<[user: string], Row>(deps.store, buckets.serverNotices, 's')
    deps.accounts.onCreated((userId) => this.#greet(userId))
  }

  /** Sends the message of the day to everybody who has not had it. What fails for one user is logged and tried at the next start. */
  async start(): Promise<void> {
    if (this.#deps.messageOfTheDay === undefined) return
    for (const userId of await this.#deps.accounts.list()) await this.#tellToday(userId)
  }

  /** The room in which the node speaks to this user; undefined while it had nothing to say. */
  async roomOf(userId: UserId): Promise<RoomId | undefined> {
    return (await this.#table.get(userId))?.roomId
  }

  /** Durable when it resolves. */
  send(userId: UserId, notice: Notice): Promise<void> {
    return this.#queue.run(userId, async () => {
      await this.#sendIn(userId, await this.#room(userId), notice)
    })
  }

  #greet(userId: UserId): void {
    if (this.#deps.messageOfTheDay !== undefined) void this.#tellToday(userId)
  }

  #tellToday(userId: UserId): Promise<void> {
    const body = this.#deps.messageOfTheDay ?? ''
    const digest = createHash('sha256').update(body, 'utf8').digest('base64url')
    return this.#queue.run(userId, async () => {
      try {
        if ((await this.#table.get(userId))?.messageOfTheDay === digest) return
        const row = await this.#room(userId)
        // The same text may come back after another one: the id holds what it follows.
        const id = `motd ${row.messageOfTheDay ?? ''} ${digest}`
        await this.#sendIn(userId, row, { type: MESSAGE_OF_THE_DAY, body, id })
        await this.#write(userId, { ...row, messageOfTheDay: digest })
      } catch (error) {
        this.#deps.logger.warn({ userId, error: String(error) }, 'message of the day could not be sent')
      }
    })
  }

  async #sendIn(userId: UserId, { roomId }: Row, notice: Notice): Promise<void> {
    const { rooms } = this.#deps
    const system = await this.#speaker()
    const content: JsonObject = { msgtype: 'm.server_notice', body: notice.body, server_notice_type: notice.type }
    await inviteToNotices(this.#deps, system, userId, roomId)
    const transaction = { userId: system, deviceId: 'server notices', txnId: notice.id }
    await rooms.send({ roomId, sender: system, type: 'm.room.message', content }, { transaction })
  }

  async #room(userId: UserId): Promise<Row> {
    const known = await this.#table.get(userId)
    if (known) return known
    const { rooms } = this.#deps
    const roomId = await rooms.create(noticesRoom(await this.#speaker(), SYSTEM_NAME, rooms.defaultVersion))
    const row: Row = { roomId }
    await this.#write(userId, row)
    return row
  }

  #write(userId: UserId, row: Row): Promise<void> {
    return this.#deps.store.batch([this.#table.put([userId], row)])
  }

  #speaker(): Promise<UserId> {
    this.#system ??= this.#makeSpeaker().catch((error: unknown) => {
      this.#system = undefined
      throw error
    })
    return this.#system
  }

  async #makeSpeaker(): Promise<UserId> {
    const system = await this.#deps.accounts.ensureSystem(SYSTEM_LOCALPART)
    await this.#deps.profiles.set(system, 'displayname', SYSTEM_NAME)
    return system
  }
}
