import type { RoomId } from '@starling/protocol'

/** The room has as many writes waiting as it may. Nothing was done. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
  readonly code = 'queue-full'
}

/** Writes that may wait in one room. The newest is refused: its author, a client or a peer, can come again. */
const MAX_WAITING = 1_000

/** One line per room: what is run under a room id runs after everything asked for before it. */
export class RoomQueues {
  readonly #rooms = new Map<RoomId, { tail: Promise<unknown>; waiting: number }>()

  /** @throws QueueFullError; else what `work` throws. */
  run<T>(roomId: RoomId, work: () => Promise<T>): Promise<T> {
    const queue = this.#rooms.get(roomId) ?? { tail: Promise.resolve(), waiting: 0 }
    if (queue.waiting >= MAX_WAITING) return Promise.reject(new QueueFullError('too many writes wait in this room'))
    this.#rooms.set(roomId, queue)
    queue.waiting++
    const done = queue.tail.then(work)
    queue.tail = done
      .catch(() => undefined)
      .then(() => {
        queue.waiting--
        if (queue.waiting === 0) this.#rooms.delete(roomId)
      })
    return done
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#rooms.size > 0) await Promise.all([...this.#rooms.values()].map(({ tail }) => tail))
  }
}
