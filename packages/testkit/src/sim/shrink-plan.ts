import type { LinkFault, SchedulePlan, Step } from './schedule-plan.ts'

/** True if a run of the plan still goes wrong in the same way. */
export type StillFails = (plan: SchedulePlan) => Promise<boolean>

export interface Shrunk {
  readonly plan: SchedulePlan
  /** Runs that it took. */
  readonly runs: number
}

/**
 * Makes a failing schedule smaller as long as it keeps failing: fewer faults, fewer nodes, fewer events, in that order and again until
 * nothing more goes or the time is over. What is left is all needed, as far as taking away one thing at a time can tell.
 */
export async function shrinkPlan(
  failing: SchedulePlan,
  stillFails: StillFails,
  isOver: () => boolean,
): Promise<Shrunk> {
  const shrinking = new Shrinking(failing, stillFails, isOver)
  let before: SchedulePlan
  do {
    before = shrinking.plan
    await shrinking.removeSteps()
    await shrinking.simplify()
    await shrinking.removeNodes()
  } while (shrinking.plan !== before && !isOver())
  return { plan: shrinking.plan, runs: shrinking.runs }
}

class Shrinking {
  plan: SchedulePlan
  runs = 0
  readonly #stillFails: StillFails
  readonly #isOver: () => boolean

  constructor(plan: SchedulePlan, stillFails: StillFails, isOver: () => boolean) {
    this.plan = plan
    this.#stillFails = stillFails
    this.#isOver = isOver
  }

  /** Parts of halving size are left out, down to single steps. */
  async removeSteps(): Promise<void> {
    for (let size = Math.ceil(this.plan.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let start = this.plan.steps.length; start > 0; start -= size) {
        if (this.#isOver()) return
        const from = Math.max(0, start - size)
        const steps = this.plan.steps.filter((_, index) => index < from || index >= start)
        await this.#try({ ...this.plan, steps })
      }
    }
  }

  /** Everything that can be switched off by itself. */
  async simplify(): Promise<void> {
    const { rates } = this.plan
    await this.#try({ ...this.plan, rates: Object.fromEntries(Object.keys(rates).map((name) => [name, 0])) as never })
    for (const name of Object.keys(this.plan.rates) as LinkFault[]) {
      if (this.plan.rates[name] > 0) await this.#try({ ...this.plan, rates: { ...this.plan.rates, [name]: 0 } })
    }
    if (this.plan.lies > 0) await this.#try({ ...this.plan, lies: 0 })
    if (this.plan.liesToTheEnd) await this.#try({ ...this.plan, liesToTheEnd: false })
    if (this.plan.skews.some((skew) => skew !== 0)) {
      await this.#try({ ...this.plan, skews: this.plan.skews.map(() => 0) })
    }
    for (const node of this.plan.byzantine) {
      const byzantine = this.plan.byzantine.filter((one) => one !== node)
      const steps = this.plan.steps.filter((step) => step.kind !== 'byzantine' || step.node !== node)
      await this.#try({ ...this.plan, byzantine, steps })
    }
    const last = Math.max(6_000, ...this.plan.steps.map(({ at }) => at + 1_000))
    if (last < this.plan.length) await this.#try({ ...this.plan, length: last })
  }

  /** From the last one down: the others keep their names and numbers. */
  async removeNodes(): Promise<void> {
    while (this.plan.nodes > 2 && !this.#isOver()) {
      const nodes = this.plan.nodes - 1
      const isThere = (index: number) => index < nodes
      const steps = this.plan.steps.flatMap((step) => without(step, isThere))
      const byzantine = this.plan.byzantine.filter(isThere)
      if (!(await this.#try({ ...this.plan, nodes, steps, byzantine }))) return
    }
  }

  async #try(plan: SchedulePlan): Promise<boolean> {
    if (this.#isOver()) return false
    this.runs++
    if (!(await this.#stillFails(plan))) return false
    this.plan = plan
    return true
  }
}

function without(step: Step, isThere: (node: number) => boolean): Step[] {
  if (step.kind !== 'partition') return isThere(step.node) ? [step] : []
  const side = step.side.filter(isThere)
  return side.length === 0 ? [] : [{ ...step, side }]
}
