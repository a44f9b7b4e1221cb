/**
 * A child process of a run: takes the number of a schedule, runs it, answers what came of it, until its parent goes.
 */
import { makePlan } from './make-plan.ts'
import { runSchedule, type ScheduleResult } from './run-schedule.ts'
import { scheduleSeed } from './sim-random.ts'

export interface WorkerTask {
  readonly runSeed: string
  readonly index: number
  readonly nodes: number
  readonly events: number
}

/** What crosses the channel: no bigint, no trace. */
export type WorkerResult = Omit<ScheduleResult, 'seed' | 'trace' | 'table'> & {
  readonly index: number
  readonly roomVersion: string
  readonly cpuMs: number
}

export async function runTask({ runSeed, index, nodes, events }: WorkerTask): Promise<WorkerResult> {
  const before = process.cpuUsage()
  const plan = makePlan(scheduleSeed(BigInt(runSeed), index), { nodes, events })
  const { seed: _, trace: __, table: ___, ...result } = await runSchedule(plan)
  const { user, system } = process.cpuUsage(before)
  return { ...result, index, roomVersion: plan.roomVersion, cpuMs: (user + system) / 1_000 }
}

if (process.send) {
  process.on('message', (task: WorkerTask) => {
    runTask(task).then(
      (result) => process.send?.(result),
      (error: unknown) => {
        console.error(`schedule ${task.index}:`, error)
        process.exitCode = 1
        process.disconnect()
      },
    )
  })
}
