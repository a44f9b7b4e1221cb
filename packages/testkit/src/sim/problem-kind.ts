/** Kinds of problems, by what their text says: shrinking keeps to one, or it would wander off to another mistake. */
const KINDS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['breach', /^breach: (?:\S+ )?([\w ]+)/],
  ['lost', / has lost it$/],
  ['state', / differ in state: /],
  ['extremities', / differ in forward extremities: /],
  ['lacks', / lacks /],
  ['from scratch, verdict', /; from scratch it is /],
  ['from scratch, state', / has another state than from scratch: /],
  ['verdict', / is (?:accepted|soft-failed|rejected) at .*, (?:accepted|soft-failed|rejected) at /],
  ['members', / disagree on who is in the room/],
]

export function kindOfProblem(problem: string): string {
  return KINDS.find(([, pattern]) => pattern.test(problem))?.[0] ?? 'other'
}
