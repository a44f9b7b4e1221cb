import { liar } from './byzantine-answers.ts'
import { ByzantineAuthor } from './byzantine-authors.ts'
import { assertConvergence, type Convergence } from './convergence.ts'
import { enterRoom, makeRoom } from './enter-room.ts'
import type { FaultCounts } from './fault-kinds.ts'
import { actHonestly } from './honest-authors.ts'
import { isCheckedNaively } from './naive-reference.ts'
import { guardRealTime } from './real-time-guard.ts'
import type { SchedulePlan, Step } from './schedule-plan.ts'
import { hasSettled } from './settling.ts'
import { SimulatedNode } from './simulated-node.ts'
import { SimulatedWorld, type WorldOptions } from './simulated-world.ts'

export interface ScheduleResult {
  readonly seed: bigint
  readonly problems: readonly string[]
  readonly faults: FaultCounts
  /** Distinct events that were made. */
  readonly events: number
  /** SHA-256 of everything that happened. */
  readonly traceHash: string
  /** Honest nodes that were compared at the end. */
  readonly compared: number
  /** Honest nodes that had removed all the others and stood by that. */
  readonly apart: number
  /** Whether the nodes were also compared with a resolution from scratch. */
  readonly hasReference: boolean
  /** That was by the naive resolver and auth checker. */
  readonly isNaive: boolean
  /** Virtual milliseconds after the last fault until all agreed; undefined where they never did. */
  readonly settledAfter: number | undefined
  /** What happened, and every event with what became of it. Empty unless asked for. */
  readonly trace: readonly string[]
  readonly table: readonly string[]
}

/** Virtual milliseconds that nodes get to agree once everything works: some twenty heartbeats. */
export const SETTLE_BOUND = 20 * 60_000
/** How often it is looked whether they do. They have to twice in a row. */
const SETTLE_STEP = 15_000
/** How often byzantine nodes remember where the room is. */
const MEMORY_INTERVAL = 2_000
/** How long everybody is down for the last restart. */
const LAST_PAUSE = 500
/** Virtual time after which the others enter. */
const ENTRY_DELAY = 300

/** Runs the schedule from an empty room to the comparison at its end. The same plan gives the same result, to the last bit. */
export async function runSchedule(plan: SchedulePlan, options: WorldOptions = {}): Promise<ScheduleResult> {
  const world = new SimulatedWorld(plan, options)
  const release = guardRealTime(
    (ms, run) => void world.scheduler.after(ms, run),
    (error) => world.breaches.push(error.stack ?? error.message),
  )
  const onUnhandled = (error: unknown) => {
    world.breaches.push(`nobody handles: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  process.on('unhandledRejection', onUnhandled)
  try {
    return await new ScheduleRun(world).run()
  } finally {
    process.off('unhandledRejection', onUnhandled)
    release()
  }
}

class ScheduleRun {
  readonly #world: SimulatedWorld
  readonly #nodes: readonly SimulatedNode[]
  readonly #authors = new Map<number, ByzantineAuthor>()
  #isOver = false

  constructor(world: SimulatedWorld) {
    this.#world = world
    this.#nodes = Array.from({ length: world.plan.nodes }, (_, index) => new SimulatedNode(world, index))
    for (const node of this.#nodes) {
      if (!node.isByzantine) continue
      this.#authors.set(node.index, new ByzantineAuthor(node))
      node.tamper = liar(node, () => this.#isOver)
    }
  }

  async run(): Promise<ScheduleResult> {
    const { scheduler, plan } = this.#world
    for (const node of this.#nodes) node.start()
    await scheduler.runUntil(100)
    const [first] = this.#nodes
    const made = first ? makeRoom(this.#world, first) : Promise.reject(new Error('no nodes'))
    made.catch((error: unknown) => this.#world.breaches.push(`no room: ${String(error)}`))
    await scheduler.runUntil(200)
    const random = this.#world.random('entry')
    for (const node of this.#nodes.slice(1)) enterRoom(node, ENTRY_DELAY * random.next())
    for (const step of plan.steps) this.#schedule(step)
    this.#remember()
    await scheduler.runUntil(plan.length)
    const settledAfter = await this.#settle()
    return this.#result(settledAfter)
  }

  #schedule(step: Step): void {
    const { scheduler } = this.#world
    scheduler.after(step.at - scheduler.now, () => this.#take(step))
  }

  #take(step: Step): void {
    const { scheduler, network } = this.#world
    switch (step.kind) {
      case 'partition': {
        const side = new Set(step.side.flatMap((index) => this.#nodes[index]?.name ?? []))
        const heal = network.cut(side)
        scheduler.after(step.ms, heal)
        return
      }
      case 'crash':
        this.#crash(step)
        return
      default: {
        const node = this.#nodes[step.node]
        if (!node?.life) return
        if (step.kind === 'act') node.life.quietly(actHonestly(node, step))
        else node.life.quietly(this.#authors.get(step.node)?.act(step))
      }
    }
  }

  #crash(step: Extract<Step, { kind: 'crash' }>): void {
    const { scheduler } = this.#world
    const node = this.#nodes[step.node]
    if (!node || this.#isOver) return
    if (step.how === 'now') node.crash()
    else node.arm(step.how)
    scheduler.after(step.ms, () => {
      node.arm('written')
      if (this.#isOver) return
      node.start()
      if (step.again) {
        scheduler.after(1, () => node.crash())
        scheduler.after(1_000, () => node.start())
      }
    })
  }

  #remember(): void {
    const { scheduler } = this.#world
    for (const [index, author] of this.#authors) this.#nodes[index]?.life?.quietly(author.remember())
    if (!this.#isOver) scheduler.after(MEMORY_INTERVAL, () => this.#remember())
  }

  /** Everything works again, everybody restarts; then nothing happens but what the nodes do by themselves. */
  async #settle(): Promise<number | undefined> {
    const { scheduler, network, trace } = this.#world
    this.#isOver = true
    network.calm()
    trace.add('calm')
    const start = scheduler.now
    for (const node of this.#nodes) node.crash(true)
    await scheduler.runUntil(start + LAST_PAUSE)
    for (const node of this.#nodes) node.start()
    let agreed = 0
    while (scheduler.now < start + SETTLE_BOUND) {
      await scheduler.runUntil(scheduler.now + SETTLE_STEP)
      agreed = (await this.#hasSettled(scheduler.now - start)) ? agreed + 1 : 0
      if (agreed === 2) return scheduler.now - start - SETTLE_STEP
    }
    return undefined
  }

  async #hasSettled(elapsed: number): Promise<boolean> {
    const { roomId } = this.#world
    if (roomId === undefined) return true
    return hasSettled(this.#nodes, roomId, elapsed).catch((error: unknown) => this.#unreadable(error))
  }

  /** What is on some disk makes no sense. */
  #unreadable(error: unknown): false {
    const breach = `the rows of a node cannot be read: ${String(error)}`
    if (!this.#world.breaches.includes(breach)) this.#world.breaches.push(breach)
    return false
  }

  async #result(settledAfter: number | undefined): Promise<ScheduleResult> {
    const world = this.#world
    const found = await assertConvergence(world, this.#nodes).catch((error: unknown): Convergence => {
      this.#unreadable(error)
      const problems = world.breaches.map((breach) => `breach: ${breach}`)
      return { problems, group: [], apart: 0, outcome: '', hasReference: false, table: [] }
    })
    world.trace.add(`outcome ${found.outcome}`)
    for (const problem of found.problems) world.trace.add(`problem ${problem}`)
    for (const node of this.#nodes) node.crash(true)
    return {
      seed: world.plan.seed,
      problems: found.problems,
      faults: world.counts,
      events: world.authored.size,
      traceHash: world.trace.digest(),
      compared: found.group.length,
      apart: found.apart,
      hasReference: found.hasReference,
      isNaive: found.hasReference && isCheckedNaively(world.plan.seed),
      settledAfter,
      trace: world.trace.lines,
      table: found.table,
    }
  }
}
