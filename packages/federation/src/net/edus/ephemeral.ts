import type { JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { serverOf } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import { presenceEdu, receiptEdu, typingEdu } from './edu-contents.ts'
import type { EduSender } from './edu-sender.ts'
import type { JoinedUsers } from './joined-users.ts'
import type { Presence, PresenceBook, PresenceState } from './presence.ts'
import type { Receipt, Receipts, ReceiptType } from './receipts.ts'
import type { Typing } from './typing.ts'

export interface EphemeralParts {
  readonly ground: Ground
  readonly serverName: ServerName
  readonly engine: Pick<RoomEngine, 'watch'>
  readonly bindings: PeerBindings
  readonly sharedRooms: SharedRooms
  readonly joined: JoinedUsers
  readonly typing: Typing
  readonly receipts: Receipts
  readonly presence: PresenceBook
  readonly sender: EduSender
}

/** A typing notice is sent again to others at most this often while it goes on. */
const TYPING_RESEND_MS = 10_000

/**
 * Typing, receipts and presence of local users: kept here, and sent to the servers that share the room. Fits matrix-api's
 * `Ephemeral`. On meeting a server it is sent the receipts that it missed and who is there.
 */
export class EphemeralData {
  readonly #parts: EphemeralParts
  readonly #typingSentAt = new Map<string, number>()
  /** Position up to which a server has our receipts, as far as this process knows; bounded by the neighbours. */
  readonly #receiptMarks = new Map<ServerName, number>()
  /** Servers that share a room, as of the last look. */
  readonly #neighbours = new Set<ServerName>()
  readonly #stops: (() => void)[] = []
  #cancelTick: (() => void) | undefined
  #stopped = false

  constructor(parts: EphemeralParts) {
    this.#parts = parts
  }

  start(): void {
    const { bindings, engine, sharedRooms } = this.#parts
    for (const server of sharedRooms.neighbours()) this.#neighbours.add(server)
    this.#stops.push(
      bindings.watch({ met: (server) => this.#met(server) }),
      sharedRooms.watch((roomId) => this.#welcome(roomId)),
      engine.watch({
        accepted: (roomId, event) => {
          if (event.type !== 'm.room.member' || event.stateKey === undefined) return
          if (event.content.membership !== 'join') this.#parts.typing.set(roomId, event.stateKey as UserId, undefined)
        },
      }),
    )
    this.#tick()
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#stopped = true
    this.#cancelTick?.()
    this.#parts.typing.stop()
    this.#parts.sender.stop()
  }

  async setTyping(roomId: RoomId, userId: UserId, timeoutMs: number | undefined): Promise<void> {
    const { ground, sender, typing } = this.#parts
    const changed = typing.set(roomId, userId, timeoutMs, () => {
      sender.queue(roomId, typingEdu({ roomId, userId, typing: false }))
      this.#typingSentAt.delete(`${userId}\0${roomId}`)
    })
    const key = `${userId}\0${roomId}`
    const now = ground.clock.now()
    if (timeoutMs === undefined) this.#typingSentAt.delete(key)
    else if (changed || now - (this.#typingSentAt.get(key) ?? 0) >= TYPING_RESEND_MS) this.#typingSentAt.set(key, now)
    else return
    if (changed || timeoutMs !== undefined) {
      sender.queue(roomId, typingEdu({ roomId, userId, typing: timeoutMs !== undefined }))
    }
  }

  typing(roomId: RoomId): { readonly users: readonly UserId[]; readonly position: number } {
    return this.#parts.typing.get(roomId)
  }

  /** Durable when it resolves. `m.read` alone goes to other servers. */
  async setReceipt(roomId: RoomId, receipt: Omit<Receipt, 'position' | 'ts'>): Promise<void> {
    const { ground, receipts, sender } = this.#parts
    const dated = { ...receipt, ts: ground.clock.now() }
    if (!(await receipts.set(roomId, dated)) || receipt.type !== 'm.read') return
    sender.queue(roomId, receiptEdu(roomId, dated))
  }

  receipts(roomId: RoomId, from: number, to: number): Promise<readonly Receipt[]> {
    return this.#parts.receipts.between(roomId, from, to)
  }

  receiptOf(roomId: RoomId, userId: UserId, type: ReceiptType, threadId?: string): Promise<Receipt | undefined> {
    return this.#parts.receipts.get(roomId, userId, type, threadId)
  }

  async setPresence(userId: UserId, presence: PresenceState, statusMsg: string | undefined): Promise<void> {
    const { ground, presence: book } = this.#parts
    const before = book.get(userId)
    const changed = book.set({
      userId,
      presence,
      statusMsg: statusMsg?.slice(0, netLimits.statusChars),
      lastActiveTs: presence === 'online' ? ground.clock.now() : before?.lastActiveTs,
      currentlyActive: presence === 'online',
    })
    if (changed) await this.#tellPresence(userId)
  }

  async presence(userId: UserId): Promise<Presence | undefined> {
    return this.#parts.presence.get(userId)
  }

  async presenceChanges(from: number, to: number): Promise<readonly Presence[]> {
    return this.#parts.presence.changes(from, to)
  }

  /** In as few rooms as reach every server that shares one with the user. */
  async #tellPresence(userId: UserId): Promise<void> {
    const { ground, joined, presence, sender, sharedRooms } = this.#parts
    const entry = presence.get(userId)
    if (!entry) return
    const edu = presenceEdu(entry, ground.clock.now())
    const reached = new Set<ServerName>()
    const rooms = sharedRooms.rooms().sort((a, b) => sharedRooms.serversIn(b).length - sharedRooms.serversIn(a).length)
    for (const roomId of rooms) {
      const servers = sharedRooms.serversIn(roomId)
      if (servers.every((server) => reached.has(server)) || !(await joined.isJoined(roomId, userId))) continue
      for (const server of servers) reached.add(server)
      sender.queue(roomId, edu)
    }
  }

  /** A server that came to share a room learns at once who is here; one that left is forgotten. */
  #welcome(roomId: RoomId): void {
    const { bindings, sharedRooms } = this.#parts
    for (const server of this.#neighbours) {
      if (sharedRooms.isNeighbour(server)) continue
      this.#neighbours.delete(server)
      this.#receiptMarks.delete(server)
    }
    for (const server of sharedRooms.serversIn(roomId)) {
      if (this.#neighbours.has(server)) continue
      this.#neighbours.add(server)
      if (bindings.peersOf(server).length > 0) this.#met(server)
    }
  }

  #met(server: ServerName): void {
    if (!this.#parts.sharedRooms.isNeighbour(server)) return
    this.#catchUp(server).catch((error: unknown) => {
      this.#parts.ground.logger.warn({ server, error }, 'could not send receipts and presence to a server just met')
    })
  }

  /** What the server missed while it was away: our users' receipts and presence. */
  async #catchUp(server: ServerName): Promise<void> {
    const { ground, joined, presence, receipts, sender, serverName, sharedRooms } = this.#parts
    const edus: JsonObject[] = []
    const after = this.#receiptMarks.get(server) ?? 0
    let mark = after
    for (const roomId of sharedRooms.roomsWith(server)) {
      const left = netLimits.receiptsPerCatchUp - edus.length
      if (left <= 0) break
      for (const receipt of await receipts.newest(roomId, after, left)) {
        mark = Math.max(mark, receipt.position)
        if (receipt.type === 'm.read' && serverOf(receipt.userId) === serverName) edus.push(receiptEdu(roomId, receipt))
      }
    }
    for (const entry of presence.all()) {
      if (serverOf(entry.userId) !== serverName || entry.presence === 'offline') continue
      const shared = await joined.roomsOf(entry.userId, sharedRooms.roomsWith(server).slice(0, 50))
      if (shared.length > 0) edus.push(presenceEdu(entry, ground.clock.now()))
    }
    for (let at = 0; at < edus.length; at += netLimits.edusPerTransaction) {
      const sent = await sender.send(server, edus.slice(at, at + netLimits.edusPerTransaction))
      if (!sent) return this.#catchUpLater(server)
    }
    this.#receiptMarks.set(server, Math.max(mark, this.#receiptMarks.get(server) ?? 0))
  }

  /** The connection may have been one of two and closed meanwhile, or the server too busy. */
  #catchUpLater(server: ServerName): void {
    const { bindings, ground } = this.#parts
    ground.timers.after(netLimits.sendRetryMs, () => {
      if (!this.#stopped && bindings.peersOf(server).length > 0) this.#met(server)
    })
  }

  /** Every minute: says again who is here, and takes those not heard of for gone. */
  #tick(): void {
    if (this.#stopped) return
    this.#cancelTick = this.#parts.ground.timers.after(netLimits.presenceResendMs, () => {
      this.refreshPresence()
        .catch((error: unknown) => this.#parts.ground.logger.warn({ error }, 'could not refresh presence'))
        .finally(() => this.#tick())
    })
  }

  /** What the tick does. */
  async refreshPresence(): Promise<void> {
    const { ground, presence, serverName } = this.#parts
    for (const entry of presence.all()) {
      if (serverOf(entry.userId) !== serverName || entry.presence === 'offline') continue
      const lastActiveTs = entry.currentlyActive ? ground.clock.now() : entry.lastActiveTs
      presence.set({ ...entry, lastActiveTs })
      await this.#tellPresence(entry.userId)
    }
    for (const silent of presence.silentFor(netLimits.presenceSilentMs)) {
      presence.set({ ...silent, presence: 'offline', currentlyActive: false })
    }
  }
}
