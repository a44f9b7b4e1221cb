import type { RoomId } from '@starling/protocol'

/**
 * Jobs one after another per room, rooms beside each other. Bounded per room and in all: what finds no place is dropped, the
 * newest first, because anti-entropy brings it again and the older ones are what it stands on.
 */
export class RoomQueues {
  readonly #perRoom: number
  readonly #inAll: number
  readonly #queues = new Map<RoomId, (() => Promise<void>)[]>()
  readonly #idle = new Set<() => void>()
  #waiting = 0

  constructor(perRoom: number, inAll: number) {
    this.#perRoom = perRoom
    this.#inAll = inAll
  }

  /** False if the job was dropped. A job reports its own failures; it must not reject. */
  push(roomId: RoomId, job: () => Promise<void>): boolean {
    const queue = this.#queues.get(roomId)
    if (this.#waiting >= this.#inAll || (queue?.length ?? 0) >= this.#perRoom) return false
    this.#waiting += 1
    if (queue) queue.push(job)
    else {
      const jobs = [job]
      this.#queues.set(roomId, jobs)
      void this.#run(roomId, jobs)
    }
    return true
  }

  /** Resolves once nothing waits and nothing runs. */
  async drained(): Promise<void> {
    while (this.#queues.size > 0) await new Promise<void>((resolve) => this.#idle.add(resolve))
  }

  async #run(roomId: RoomId, jobs: (() => Promise<void>)[]): Promise<void> {
    for (let job = jobs[0]; job; job = jobs[0]) {
      await job()
      jobs.shift()
      this.#waiting -= 1
    }
    this.#queues.delete(roomId)
    if (this.#queues.size > 0) return
    for (const wake of this.#idle) wake()
    this.#idle.clear()
  }
}
