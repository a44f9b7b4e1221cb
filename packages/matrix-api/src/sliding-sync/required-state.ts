import type { UserId } from '@starling/protocol'

/** Wildcard and special state keys of `required_state`. */
const ANY = '*'
const ME = '$ME'
const LAZY = '$LAZY'
const MEMBER = 'm.room.member'

/** `required_state` of one list or subscription, as clients send it: `[type, state key]`. */
export type StatePairs = readonly (readonly [type: string, stateKey: string])[]

/** One rule's pairs, ready to be asked. */
interface StateRule {
  readonly lazyMembers: boolean
  readonly anything: boolean
  readonly types: ReadonlySet<string>
  readonly keys: ReadonlySet<string>
  /** type → state keys. */
  readonly exact: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * Which state a room is wanted with: the union of what the rules that it matches ask for (MSC4186, "Combining room configs").
 * The rules are kept apart, so that one rule's lazily loaded members do not take away another's "everything".
 */
export class RequiredState {
  /** Equal for configs that ask for the same in the same words. */
  readonly key: string
  readonly lazyMembers: boolean
  readonly #rules: readonly StateRule[]
  readonly #sources: readonly StatePairs[]

  private constructor(rules: readonly StateRule[], sources: readonly StatePairs[]) {
    this.#rules = rules
    this.#sources = sources
    this.key = [...new Set(sources.map((pairs) => JSON.stringify([...pairs].sort())))].sort().join(' ')
    this.lazyMembers = rules.some((rule) => rule.lazyMembers)
  }

  /** `$ME` is put in place at once: a config belongs to one user. */
  static of(pairs: StatePairs, userId: UserId): RequiredState {
    return new RequiredState([ruleOf(pairs, userId)], [pairs])
  }

  /** Itself where the other asks for the same, so that one config serves thousands of rooms. */
  with(other: RequiredState): RequiredState {
    if (other.key === this.key) return this
    return new RequiredState([...this.#rules, ...other.#rules], [...this.#sources, ...other.#sources])
  }

  /** Lazily loaded members aside, which depend on the timeline. */
  wants(type: string, stateKey: string): boolean {
    return this.#rules.some((rule) => ruleWants(rule, type, stateKey))
  }
}

function ruleOf(pairs: StatePairs, userId: UserId): StateRule {
  const types = new Set<string>()
  const keys = new Set<string>()
  const exact = new Map<string, Set<string>>()
  let lazyMembers = false
  let anything = false
  for (const [type, stateKey] of pairs) {
    const key = stateKey === ME ? userId : stateKey
    if (stateKey === LAZY) lazyMembers ||= type === MEMBER || type === ANY
    else if (type === ANY && key === ANY) anything = true
    else if (type === ANY) keys.add(key)
    else if (key === ANY) types.add(type)
    else exact.set(type, (exact.get(type) ?? new Set()).add(key))
  }
  return { lazyMembers, anything, types, keys, exact }
}

function ruleWants(rule: StateRule, type: string, stateKey: string): boolean {
  if (rule.types.has(type) || rule.exact.get(type)?.has(stateKey) || rule.keys.has(stateKey)) return true
  // "Everything" beside lazily loaded members means everything but them.
  return rule.anything && !(rule.lazyMembers && type === MEMBER)
}
