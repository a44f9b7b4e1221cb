import type { Timers } from '@starling/federation'

interface Task {
  readonly time: number
  readonly serial: number
  run: (() => void) | undefined
}

/** Taken before a run puts its guard on the real timers. */
const realSetImmediate = setImmediate

/**
 * Virtual time: tasks run one at a time in the order of their time, then of their making. Between two of them all promises settle
 * that can: whatever waits then, waits for another task. Nothing here depends on how long anything takes.
 */
export class Scheduler {
  /** Milliseconds since the start of the schedule. */
  now = 0
  /** Tasks run so far. */
  ran = 0
  #serial = 0
  readonly #heap: Task[] = []

  /** Runs `run` after `ms`; the answer takes it back. */
  after(ms: number, run: () => void): () => void {
    const task: Task = { time: this.now + Math.max(0, ms), serial: this.#serial++, run }
    this.#push(task)
    return () => {
      task.run = undefined
    }
  }

  /** Resolves after `ms` of virtual time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve)
    })
  }

  /** Runs what is due up to `time`, or until `isDone`; the clock then stands at `time`, or where it was done. */
  async runUntil(time: number, isDone: () => boolean = () => false): Promise<void> {
    await settled()
    while (!isDone()) {
      const task = this.#heap[0]
      if (!task || task.time > time) {
        this.now = Math.max(this.now, time)
        return
      }
      this.#pop()
      if (!task.run) continue
      this.now = task.time
      this.ran++
      task.run()
      await settled()
    }
  }

  #push(task: Task): void {
    const heap = this.#heap
    let index = heap.push(task) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(task, heap[parent] as Task)) break
      heap[index] = heap[parent] as Task
      index = parent
    }
    heap[index] = task
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Task
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Task, heap[child] as Task)) child++
      if (!isBefore(heap[child] as Task, last)) break
      heap[index] = heap[child] as Task
      index = child
    }
    heap[index] = last
  }
}

/** Timers of one life of a node: they end with it. */
export class VirtualTimers implements Timers {
  readonly #scheduler: Scheduler
  readonly #isAlive: () => boolean

  constructor(scheduler: Scheduler, isAlive: () => boolean) {
    this.#scheduler = scheduler
    this.#isAlive = isAlive
  }

  after(ms: number, run: () => void): () => void {
    return this.#scheduler.after(ms, () => {
      if (this.#isAlive()) run()
    })
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.time < b.time || (a.time === b.time && a.serial < b.serial)
}

/** All microtasks run before the event loop comes to its immediates; nothing else is in that loop during a run. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    realSetImmediate(resolve)
  })
}
