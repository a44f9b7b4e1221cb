import type { JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { isJsonObject, parseUserId, serverOf } from '@starling/protocol'
import type { LocalUsers } from '../../ports.ts'
import { LruMap } from '../../store/lru-map.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import { AnswerError } from '../requests/answer-error.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import { TokenBuckets } from '../token-buckets.ts'
import { readPresence, readReceipts, readToDevice, readTyping } from './edu-contents.ts'
import type { JoinedUsers } from './joined-users.ts'
import type { PresenceBook } from './presence.ts'
import type { Receipts } from './receipts.ts'
import type { Typing } from './typing.ts'

export interface EduReceiverParts {
  readonly ground: Ground
  readonly serverName: ServerName
  readonly users: LocalUsers
  readonly sharedRooms: SharedRooms
  readonly joined: JoinedUsers
  readonly typing: Typing
  readonly receipts: Receipts
  readonly presence: PresenceBook
  /** `off` only in the twin test that shows what it is for. */
  readonly ownerCheck?: 'on' | 'off'
}

/** Where an EDU came from: the server that signed it, the room on whose topic it came (none: a transaction), its time. */
interface Source {
  readonly origin: ServerName
  readonly roomId: RoomId | undefined
  readonly ts: number
}

type Take = (content: JsonObject, source: Source) => Promise<void>

/** Rooms looked through to see whether a stranger's user shares one with us. */
const MAX_ROOMS_ASKED = 50
const RETRY_AFTER_MS = 5_000

/**
 * Takes EDUs of other servers. Each only from the server that owns the user it speaks of, and room EDUs only where that
 * user is joined. What is malformed or forged is dropped and counted.
 */
export class EduReceiver {
  readonly #parts: EduReceiverParts
  /** Time of the newest typing notice by user and room: an older one that comes late or again is not taken. */
  readonly #typedAt = new LruMap<string, number>(netLimits.typingRooms)
  readonly #table: Readonly<Record<string, { readonly onTopic: boolean; readonly take: Take }>> = {
    'm.typing': { onTopic: true, take: (content, source) => this.#typing(content, source) },
    'm.receipt': { onTopic: true, take: (content, source) => this.#receipts(content, source) },
    'm.presence': { onTopic: true, take: (content, source) => this.#presence(content, source) },
    'm.direct_to_device': { onTopic: false, take: (content, source) => this.#toDevice(content, source) },
    'm.device_list_update': {
      onTopic: false,
      take: (content, source) => this.#devices(content, source, 'm.device_list_update'),
    },
    'm.signing_key_update': {
      onTopic: false,
      take: (content, source) => this.#devices(content, source, 'm.signing_key_update'),
    },
  }

  readonly #rates: TokenBuckets

  constructor(parts: EduReceiverParts) {
    this.#parts = parts
    this.#rates = new TokenBuckets(
      parts.ground.clock,
      netLimits.transactionEduBurst,
      netLimits.transactionEdusPerSecond,
    )
  }

  /** EDUs of a batch on a room's topic. */
  async fromRoom(origin: ServerName, roomId: RoomId, edus: readonly JsonObject[], ts: number): Promise<void> {
    for (const edu of edus) await this.#takeOne(edu, { origin, roomId, ts })
  }

  /**
   * EDUs of a transaction. Rejects only where something of them could not be stored, or with `AnswerError` 429 where the
   * server sends too many: it then keeps the transaction and sends it again, so that no to-device message is lost.
   */
  async fromTransaction(origin: ServerName, edus: readonly JsonObject[]): Promise<void> {
    if (!this.#rates.take(origin, edus.length)) {
      this.#parts.ground.count('edu_dropped', 'rate')
      throw new AnswerError(429, 'M_LIMIT_EXCEEDED', 'Too many EDUs.', { fields: { retry_after_ms: RETRY_AFTER_MS } })
    }
    const ts = this.#parts.ground.clock.now()
    for (const edu of edus) await this.#takeOne(edu, { origin, roomId: undefined, ts })
  }

  async #takeOne(edu: JsonObject, source: Source): Promise<void> {
    const type = edu.edu_type
    const row = typeof type === 'string' && Object.hasOwn(this.#table, type) ? this.#table[type] : undefined
    if (!row || !isJsonObject(edu.content) || (source.roomId !== undefined && !row.onTopic)) {
      return this.#drop(source, 'unknown-or-malformed')
    }
    await row.take(edu.content, source)
  }

  async #typing(content: JsonObject, source: Source): Promise<void> {
    const notice = readTyping(content)
    if (!notice) return this.#drop(source, 'malformed')
    const { roomId, userId, typing } = notice
    if (!(await this.#mayActIn(roomId, userId, source))) return
    const key = `${userId}\0${roomId}`
    if (source.ts < (this.#typedAt.get(key) ?? 0)) return this.#drop(source, 'late')
    this.#typedAt.set(key, source.ts)
    this.#parts.typing.set(roomId, userId, typing ? netLimits.typingTimeoutMs : undefined)
  }

  async #receipts(content: JsonObject, source: Source): Promise<void> {
    const horizon = this.#parts.ground.clock.now() + netLimits.receiptAheadMs
    for (const { roomId, userId, eventId, ts, threadId } of readReceipts(content)) {
      if (!(await this.#mayActIn(roomId, userId, source))) continue
      // A time far ahead would stand for ever: nothing later could replace it.
      await this.#parts.receipts.set(roomId, { type: 'm.read', userId, eventId, threadId, ts: Math.min(ts, horizon) })
    }
  }

  async #presence(content: JsonObject, source: Source): Promise<void> {
    for (const presence of readPresence(content, this.#parts.ground.clock.now())) {
      if (!this.#owns(presence.userId, source)) continue
      const rooms = source.roomId ? [source.roomId] : this.#parts.sharedRooms.roomsWith(source.origin)
      const shared = await this.#parts.joined.roomsOf(presence.userId, rooms.slice(0, MAX_ROOMS_ASKED))
      if (shared.length > 0) this.#parts.presence.set(presence)
      else this.#drop(source, 'not-joined')
    }
  }

  async #toDevice(content: JsonObject, source: Source): Promise<void> {
    const message = readToDevice(content)
    if (!message) return this.#drop(source, 'malformed')
    if (!this.#owns(message.sender, source)) return
    const local = Object.entries(message.messages).filter(
      ([userId]) => serverOf(userId as UserId) === this.#parts.serverName,
    )
    if (local.length === 0) return this.#drop(source, 'not-for-us')
    const { sender, type, messageId } = message
    const messages = Object.fromEntries(local)
    await this.#parts.users.deliverToDevice({ origin: source.origin, messageId, sender, type, messages })
  }

  async #devices(content: JsonObject, source: Source, type: string): Promise<void> {
    const userId = parseUserId(content.user_id)
    if (!userId) return this.#drop(source, 'malformed')
    if (!this.#owns(userId, source)) return
    await this.#parts.users.remoteDevicesChanged(userId, { edu_type: type, content })
  }

  #owns(userId: UserId, source: Source): boolean {
    if (serverOf(userId) === source.origin || this.#parts.ownerCheck === 'off') return true
    this.#drop(source, 'not-its-user')
    return false
  }

  async #mayActIn(roomId: RoomId, userId: UserId, source: Source): Promise<boolean> {
    if (!this.#owns(userId, source)) return false
    if (source.roomId !== undefined && source.roomId !== roomId) {
      this.#drop(source, 'other-room')
      return false
    }
    const { joined, sharedRooms } = this.#parts
    if (sharedRooms.has(roomId) && !sharedRooms.isAllowed(roomId, source.origin)) {
      this.#drop(source, 'server-acl')
      return false
    }
    if (sharedRooms.has(roomId) && (await joined.isJoined(roomId, userId))) return true
    this.#drop(source, 'not-joined')
    return false
  }

  #drop(source: Source, code: string): void {
    this.#parts.ground.count('edu_dropped', code)
    this.#parts.ground.logger.debug({ origin: source.origin, code }, 'EDU dropped')
  }
}
