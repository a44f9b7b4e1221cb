import type { Crypto, EventId, RoomId, ServerName, UserId } from '@starling/protocol'
import type { FaultCounts } from './fault-kinds.ts'
import { noFaults } from './fault-kinds.ts'
import { RunTrace } from './run-trace.ts'
import type { SchedulePlan } from './schedule-plan.ts'
import { Scheduler } from './scheduler.ts'
import { SharedChecks } from './shared-checks.ts'
import { sharedCrypto } from './shared-crypto.ts'
import { SimRandom } from './sim-random.ts'
import type { KeyDirectory } from './simulated-keys.ts'
import { SimulatedNetwork } from './simulated-network.ts'

/** Defences that a test switches off to see the simulator find it: each is a mistake that an engine could have. */
export type PlantedBug = 'early-acknowledgement' | 'torn-batches' | 'timeless-resolution' | 'deaf'

export interface WorldOptions {
  readonly keepTrace?: boolean
  /** Nodes that are wrong, and how. */
  readonly bug?: PlantedBug
  /** False: every node makes every check itself. */
  readonly sharesChecks?: boolean
}

/** 2026-11-21; what the nodes' clocks are skewed from. Milliseconds since the Unix epoch. */
export const EPOCH = Date.UTC(2026, 10, 21)

/** What all nodes of one schedule live in. */
export class SimulatedWorld {
  readonly plan: SchedulePlan
  readonly options: WorldOptions
  readonly scheduler = new Scheduler()
  readonly trace: RunTrace
  readonly counts: FaultCounts = noFaults()
  readonly crypto: Crypto = sharedCrypto()
  readonly directory: KeyDirectory = new Map()
  readonly checks: SharedChecks
  readonly network: SimulatedNetwork
  /** Every event that was made, by whom. */
  readonly authored = new Map<EventId, ServerName>()
  /** `teller told`, by name: who has told whom of its removal. */
  readonly told = new Set<string>()
  /**
   * Nodes that were told a false state of the room, by a liar or by one who had it from a liar and did not know better yet, with the
   * virtual time at which they were first.
   */
  readonly misled = new Map<ServerName, number>()
  /** Set once the room is made. */
  roomId: RoomId | undefined
  creator: UserId | undefined
  /** What must never happen and did: errors logged or thrown by the product, real time used. */
  readonly breaches: string[] = []

  constructor(plan: SchedulePlan, options: WorldOptions = {}) {
    this.plan = plan
    this.options = options
    this.trace = new RunTrace(() => this.scheduler.now, { keep: options.keepTrace ?? false })
    this.checks = new SharedChecks({ isShared: options.sharesChecks ?? true })
    const { scheduler, trace, counts } = this
    this.network = new SimulatedNetwork({ scheduler, trace, counts, rates: plan.rates, random: this.random('network') })
  }

  mislead(server: ServerName): void {
    if (!this.misled.has(server)) this.misled.set(server, this.scheduler.now)
  }

  random(label: string): SimRandom {
    return new SimRandom(this.plan.seed, label)
  }

  isByzantine(node: number): boolean {
    return this.plan.byzantine.includes(node)
  }
}
