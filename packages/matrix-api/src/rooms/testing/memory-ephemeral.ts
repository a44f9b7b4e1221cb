import type { Clock, RoomId, UserId } from '@starling/protocol'
import type { Ephemeral, Position, Presence, Receipt, StreamPositions, TypingNotice } from '../../ports.ts'

/** `Ephemeral` in memory, of one server alone: for tests of this package. Typing ends only when said so. */
export class MemoryEphemeral implements Ephemeral {
  readonly #positions: StreamPositions
  readonly #clock: Clock
  readonly #typing = new Map<RoomId, TypingNotice>()
  readonly #receipts = new Map<string, Receipt & { readonly roomId: RoomId }>()
  readonly #presence = new Map<UserId, Presence>()

  constructor(positions: StreamPositions, clock: Clock) {
    this.#positions = positions
    this.#clock = clock
  }

  async setTyping(roomId: RoomId, userId: UserId, timeoutMs: number | undefined): Promise<void> {
    const users = new Set(this.typing(roomId).users)
    if (timeoutMs === undefined) users.delete(userId)
    else users.add(userId)
    const pending = this.#positions.allocate()
    this.#typing.set(roomId, { users: [...users], position: pending.position })
    pending.done({ rooms: [roomId] })
  }

  typing(roomId: RoomId): TypingNotice {
    return this.#typing.get(roomId) ?? { users: [], position: 0 }
  }

  async setReceipt(roomId: RoomId, receipt: Omit<Receipt, 'position' | 'ts'>): Promise<void> {
    const pending = this.#positions.allocate()
    const { userId, type, threadId } = receipt
    const dated = { ...receipt, roomId, ts: this.#clock.now(), position: pending.position }
    this.#receipts.set([roomId, userId, type, threadId ?? ''].join(' '), dated)
    pending.done({ rooms: [roomId] })
  }

  async receipts(roomId: RoomId, from: Position, to: Position): Promise<readonly Receipt[]> {
    return [...this.#receipts.values()].filter(
      (receipt) => receipt.roomId === roomId && receipt.position > from && receipt.position <= to,
    )
  }

  async receiptOf(
    roomId: RoomId,
    userId: UserId,
    type: Receipt['type'],
    threadId?: string,
  ): Promise<Receipt | undefined> {
    return this.#receipts.get([roomId, userId, type, threadId ?? ''].join(' '))
  }

  async setPresence(userId: UserId, presence: Presence['presence'], statusMsg: string | undefined): Promise<void> {
    const pending = this.#positions.allocate()
    this.#presence.set(userId, {
      userId,
      presence,
      statusMsg,
      lastActiveTs: this.#clock.now(),
      currentlyActive: presence === 'online',
      position: pending.position,
    })
    pending.done({ users: [userId] })
  }

  async presence(userId: UserId): Promise<Presence | undefined> {
    return this.#presence.get(userId)
  }

  async presenceChanges(from: Position, to: Position): Promise<readonly Presence[]> {
    return [...this.#presence.values()].filter(({ position }) => position > from && position <= to)
  }
}
