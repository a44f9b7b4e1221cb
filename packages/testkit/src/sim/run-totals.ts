import { createHash } from 'node:crypto'
import { addFaults, type FaultCounts, missingFaults, noFaults } from './fault-kinds.ts'
import { seedText } from './plan-text.ts'
import type { WorkerResult } from './schedule-worker.ts'

/** What all schedules of a run come to. */
export class RunTotals {
  readonly faults: FaultCounts = noFaults()
  readonly failures: WorkerResult[] = []
  readonly versions: Record<string, number> = {}
  schedules = 0
  events = 0
  /** Schedules whose nodes were also compared with a resolution from scratch. */
  withReference = 0
  /** Of these, by the naive resolver and auth checker. */
  withNaive = 0
  /** Schedules in which fewer than two nodes were left to compare. */
  lonely = 0
  /** Schedules in which sides that had removed each other stayed two, as they may (`convergence.ts`). */
  apart = 0
  /** Virtual milliseconds. */
  slowestToSettle = 0
  cpuMs = 0
  readonly #seed: bigint
  readonly #hash = createHash('sha256')

  constructor(seed: bigint) {
    this.#seed = seed
  }

  /** In the order of the schedules. */
  add(result: WorkerResult): void {
    this.schedules++
    this.events += result.events
    this.cpuMs += result.cpuMs
    this.versions[result.roomVersion] = (this.versions[result.roomVersion] ?? 0) + 1
    if (result.hasReference) this.withReference++
    if (result.isNaive) this.withNaive++
    if (result.compared < 2) this.lonely++
    if (result.apart > 0) this.apart++
    if (result.problems.length > 0) this.failures.push(result)
    this.slowestToSettle = Math.max(this.slowestToSettle, result.settledAfter ?? 0)
    addFaults(this.faults, result.faults)
    this.#hash.update(result.traceHash)
  }

  /** Kinds of faults that never happened: the run has not shown what it is to show. */
  get missing(): readonly string[] {
    return missingFaults(this.faults)
  }

  /** The run's last line. */
  json(): string {
    return JSON.stringify({
      ...{ schedules: this.schedules, divergences: this.failures.length, faults: this.faults, events: this.events },
      seed: seedText(this.#seed),
      traceHash: this.#hash.copy().digest('hex'),
      ...{ versions: this.versions, withReference: this.withReference, withNaive: this.withNaive, lonely: this.lonely },
      ...{
        apart: this.apart,
        slowestToSettleMs: this.slowestToSettle,
        cpuMsPerSchedule: Math.round(this.cpuMs / this.schedules),
      },
    })
  }
}
