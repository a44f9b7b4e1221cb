/**
 * Everything that can go wrong in a schedule, by name. A run counts how often each really happened, and fails if one never did: a
 * simulation without faults proves nothing. Counted is what took effect, not what was planned.
 */
export const FAULT_KINDS = {
  drop: 'a gossip message was lost on its way',
  duplicate: 'a gossip message came again, past the memory of messages seen',
  delay: 'a gossip message took seconds',
  reorder: 'a gossip message came before one that was sent earlier over the same link',
  requestLost: 'a request was lost, and its time ran out',
  answerLost: 'a request was carried out and its answer lost',
  requestRefused: 'a request was refused for no good reason (500)',
  partition: 'links between two groups of nodes were cut',
  heal: 'the links came back',
  crash: 'a node died',
  crashBeforeWrite: 'a node died with a batch submitted that was never written',
  crashAfterWrite: 'a node died with a batch written and not acknowledged',
  crashWhileOpening: 'a node died while it was starting',
  lostLooseWrites: 'a crash took writes that were not to be durable',
  restart: 'a node came back with what was on its disk',
  clockSkew: 'a node with a clock that is hours or days off made an event',
  equivocation: 'two events of one author in one place, shown to different nodes',
  forgedParents: 'an event that names parents that never were',
  wrongAuthEvents: 'an event that names auth events that do not authorise it',
  oldBranch: 'a removed or demoted user writes where it still may',
  withheldPower: 'power events made early and shown late (MSC4297)',
  concurrentDemotion: 'users with power take it from each other at once',
  joinRuleEvasion: 'a join from before the join rules changed, shown after',
  backdated: 'an event dated far from the time of its making',
  absurdDepth: 'an event with a depth that its parents do not have',
  omittedEvents: 'an answer without events that belong in it',
  wrongState: 'an answer with the state of another point, or parts of it',
  falseExtremities: 'an answer to a comparison that names what is not there',
  lyingJoin: 'a join answered with a state that is not that before it',
  silence: 'a byzantine node that takes a request and never answers',
  churn: 'somebody joined, left, or was removed',
  ban: 'somebody was banned',
} as const

export type FaultKind = keyof typeof FAULT_KINDS

export type FaultCounts = Record<FaultKind, number>

const NAMES = Object.keys(FAULT_KINDS) as FaultKind[]

export function noFaults(): FaultCounts {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as FaultCounts
}

export function addFaults(into: FaultCounts, more: Readonly<FaultCounts>): void {
  for (const name of NAMES) into[name] += more[name]
}

/** Kinds that never happened. */
export function missingFaults(counts: Readonly<FaultCounts>): FaultKind[] {
  return NAMES.filter((name) => counts[name] === 0)
}
