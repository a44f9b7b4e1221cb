import type { RoomId } from '@starling/protocol'
import type { Timers } from '../ports.ts'

/** How long a job may hold up those behind it, and how many jobs that took longer may be under way beside the queues. */
export interface Patience {
  readonly timers: Timers
  readonly ms: number
  readonly overdueInAll: number
}

/**
 * Jobs one after another per room, rooms beside each other. Bounded per room and in all: what finds no place is dropped, the
 * newest first, because anti-entropy brings it again and the older ones are what it stands on. A job that takes longer
 * than `patience` (it asks a slow server for what an event lacks) goes on beside the queue, so that nobody who carries one
 * bad event stops a room; where too many do, queues wait for theirs again.
 */
export class GossipQueues {
  readonly #perRoom: number
  readonly #inAll: number
  readonly #patience: Patience
  readonly #queues = new Map<RoomId, (() => Promise<void>)[]>()
  readonly #overdue = new Set<Promise<void>>()
  readonly #idle = new Set<() => void>()
  #waiting = 0

  constructor(perRoom: number, inAll: number, patience: Patience) {
    this.#perRoom = perRoom
    this.#inAll = inAll
    this.#patience = patience
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
    while (!this.#isIdle) await new Promise<void>((resolve) => this.#idle.add(resolve))
  }

  get #isIdle(): boolean {
    return this.#queues.size === 0 && this.#overdue.size === 0
  }

  async #run(roomId: RoomId, jobs: (() => Promise<void>)[]): Promise<void> {
    for (let job = jobs[0]; job; job = jobs[0]) {
      await this.#withPatience(job())
      jobs.shift()
      this.#waiting -= 1
    }
    this.#queues.delete(roomId)
    this.#wakeIfIdle()
  }

  async #withPatience(running: Promise<void>): Promise<void> {
    const { timers, ms, overdueInAll } = this.#patience
    if (this.#overdue.size >= overdueInAll) return running
    const late = Promise.withResolvers<'late'>()
    const cancel = timers.after(ms, () => late.resolve('late'))
    const outcome = await Promise.race([running, late.promise])
    cancel()
    if (outcome !== 'late') return
    const overdue = running.finally(() => {
      this.#overdue.delete(overdue)
      this.#wakeIfIdle()
    })
    this.#overdue.add(overdue)
  }

  #wakeIfIdle(): void {
    if (!this.#isIdle) return
    for (const wake of this.#idle) wake()
    this.#idle.clear()
  }
}
