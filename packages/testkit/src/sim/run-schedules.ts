import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runTask, type WorkerResult, type WorkerTask } from './schedule-worker.ts'

export interface RunSize {
  readonly seed: bigint
  /** Numbers of the schedules to run. */
  readonly indexes: readonly number[]
  readonly nodes: number
  readonly events: number
  readonly workers: number
}

/** A worker ended before its work did. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError'
  readonly code = 'worker-lost'
}

/** Garbage of a schedule dies young if there is room for it. Mebibytes. */
const WORKER_FLAGS = ['--max-semi-space-size=64']

/** Runs the schedules and tells of each in the order of their numbers, however many workers there are. */
export async function runSchedules(size: RunSize, onResult: (result: WorkerResult) => void): Promise<void> {
  const inOrder = new InOrder(size.indexes, onResult)
  const taskOf = (index: number): WorkerTask => ({
    ...{ index, nodes: size.nodes, events: size.events },
    runSeed: String(size.seed),
  })
  const left = [...size.indexes]
  if (size.workers === 1 || left.length === 1) {
    for (const index of left) inOrder.add(await runTask(taskOf(index)))
    return
  }
  const workers = Array.from({ length: Math.min(size.workers, left.length) }, startWorker)
  try {
    await Promise.all(
      workers.map(async (worker) => {
        for (let index = left.shift(); index !== undefined; index = left.shift()) {
          inOrder.add(await ask(worker, taskOf(index)))
        }
      }),
    )
  } finally {
    for (const worker of workers) worker.kill()
  }
}

function startWorker(): ChildProcess {
  const file = fileURLToPath(new URL('./schedule-worker.ts', import.meta.url))
  return fork(file, [], {
    execArgv: [...process.execArgv.filter((flag) => !flag.startsWith('--test')), ...WORKER_FLAGS],
  })
}

function ask(worker: ChildProcess, task: WorkerTask): Promise<WorkerResult> {
  return new Promise((resolve, reject) => {
    const done = () => {
      worker.off('message', onMessage)
      worker.off('exit', onExit)
    }
    const onMessage = (result: WorkerResult) => {
      done()
      resolve(result)
    }
    const onExit = (code: number | null) => {
      done()
      reject(new WorkerLostError(`the worker of schedule ${task.index} ended with ${code}`))
    }
    worker.once('message', onMessage)
    worker.once('exit', onExit)
    worker.send(task)
  })
}

/** Holds results back until those before them are there. */
class InOrder {
  readonly #left: number[]
  readonly #held = new Map<number, WorkerResult>()
  readonly #onResult: (result: WorkerResult) => void

  constructor(indexes: readonly number[], onResult: (result: WorkerResult) => void) {
    this.#left = [...indexes]
    this.#onResult = onResult
  }

  add(result: WorkerResult): void {
    this.#held.set(result.index, result)
    for (;;) {
      const [next] = this.#left
      const held = next === undefined ? undefined : this.#held.get(next)
      if (next === undefined || !held) return
      this.#held.delete(next)
      this.#left.shift()
      this.#onResult(held)
    }
  }
}
