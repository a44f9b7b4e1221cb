import type { SchedulePlan } from './schedule-plan.ts'

/** A plan as JSON; its seed is a hexadecimal string. */
export function planText(plan: SchedulePlan): string {
  return JSON.stringify({ ...plan, seed: seedText(plan.seed) })
}

/** Only for what `planText` wrote. @throws SyntaxError */
export function readPlan(text: string): SchedulePlan {
  const plan = JSON.parse(text) as Omit<SchedulePlan, 'seed'> & { readonly seed: string }
  return { ...plan, seed: BigInt(plan.seed) }
}

export function seedText(seed: bigint): string {
  return `0x${seed.toString(16).padStart(16, '0')}`
}
