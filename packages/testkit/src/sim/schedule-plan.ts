import type { FaultKind } from './fault-kinds.ts'

/** What an honest user tries. Whether it may is the engine's to say. */
export const HONEST_ACTS = {
  message: 40,
  state: 10,
  name: 5,
  topic: 5,
  powerLevels: 6,
  joinRules: 3,
  historyVisibility: 1,
  invite: 6,
  kick: 2,
  ban: 3,
  unban: 6,
  leave: 2,
  join: 8,
  knock: 2,
  redact: 6,
} as const

/** What a byzantine node does beside taking part. */
export const BYZANTINE_ACTS = {
  equivocation: 5,
  forgedParents: 4,
  wrongAuthEvents: 4,
  oldBranch: 8,
  withheldPower: 6,
  concurrentDemotion: 4,
  joinRuleEvasion: 4,
  backdated: 4,
  absurdDepth: 4,
} as const

export type HonestAct = keyof typeof HONEST_ACTS
export type ByzantineAct = keyof typeof BYZANTINE_ACTS

/** One thing that happens at a time (milliseconds of virtual time). Everything else about it follows from `salt`. */
export type Step =
  | { readonly kind: 'act'; readonly at: number; readonly node: number; readonly act: HonestAct; readonly salt: number }
  | {
      readonly kind: 'byzantine'
      readonly at: number
      readonly node: number
      readonly act: ByzantineAct
      readonly salt: number
    }
  /** Nodes in `side` and the others do not reach each other for `ms`. */
  | { readonly kind: 'partition'; readonly at: number; readonly side: readonly number[]; readonly ms: number }
  | {
      readonly kind: 'crash'
      readonly at: number
      readonly node: number
      readonly how: 'now' | 'crash-before' | 'crash-after'
      readonly ms: number
      /** Dies once more while it comes back. */
      readonly again: boolean
    }

/** Share of messages or requests that a fault hits. */
export type LinkFault = Extract<
  FaultKind,
  'drop' | 'duplicate' | 'delay' | 'reorder' | 'requestLost' | 'answerLost' | 'requestRefused'
>

/** A schedule, whole: with it and the code a run is determined. */
export interface SchedulePlan {
  readonly seed: bigint
  readonly nodes: number
  readonly roomVersion: string
  readonly byzantine: readonly number[]
  /** Share of requests that byzantine nodes answer with a lie. */
  readonly lies: number
  /** Whether byzantine nodes still answer, and lie, after everything has healed. */
  readonly liesToTheEnd: boolean
  /** Levels of each node's first user when the room is made, after the creator's. */
  readonly levels: readonly number[]
  /** Milliseconds by which each node's clock is off. */
  readonly skews: readonly number[]
  readonly rates: Readonly<Record<LinkFault, number>>
  /** Virtual milliseconds until everything heals. */
  readonly length: number
  readonly steps: readonly Step[]
}
