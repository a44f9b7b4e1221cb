import type { JsonObject, KeyValueStore, UserId } from '@starling/protocol'
import type { AccountDataStore } from '../account-data/account-data-store.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import { defaultRules, MASTER_RULE } from './default-rules.ts'
import { type Action, type PushRule, RULE_KINDS, type RuleKind, type Ruleset } from './rule-types.ts'

type OwnRule = Omit<PushRule, 'default'>

interface Row {
  readonly version: number
  /** Own rules by kind, the most important first. */
  readonly own: { readonly [kind in RuleKind]?: readonly OwnRule[] }
  /** What the user changed about default rules, by rule id. */
  readonly changed: { readonly [ruleId: string]: { readonly enabled?: boolean; readonly actions?: readonly Action[] } }
}

export interface NewRule {
  readonly actions: readonly Action[]
  readonly conditions?: readonly JsonObject[]
  readonly pattern?: string
}

/** Own rules of one kind; every event is held against all of them. */
const MAX_RULES = 1_000

/** UTF-16 units of all of a user's rules: the whole set goes to every client with each change. */
const MAX_RULES_LENGTH = 1024 * 1024

/** Conditions of all own rules together. */
const MAX_CONDITIONS = 5_000

/**
 * Characters of all patterns with wildcards together: one event costs at most this times its text, some 3 × 10^8 steps for
 * the longest that there can be.
 */
const MAX_GLOB_LENGTH = 4_096

/** Users whose rules are kept in memory; the longest unused goes first. */
const MAX_CACHED = 500

const NOTHING: Row = { version: 0, own: {}, changed: {} }

/**
 * Push rules of local users (Client-Server API, "Push Rules"): the spec's defaults with the user's changes, and their own
 * rules before them. Each change is also a change of the account data `m.push_rules`, so that clients hear of it.
 */
export class PushRules {
  readonly #table
  readonly #accountData: () => AccountDataStore
  readonly #queue = new KeyedQueue()
  readonly #cache = new LruCache<UserId, { readonly version: number; readonly rules: Ruleset }>(MAX_CACHED)

  /** `accountData` is asked for late: it renders `m.push_rules` through this. */
  constructor(store: KeyValueStore, accountData: () => AccountDataStore) {
    this.#table = defineTable<[user: string], Row>(store, buckets.pushRules, 's')
    this.#accountData = accountData
  }

  async rules(userId: UserId): Promise<Ruleset> {
    return (await this.#load(userId)).rules
  }

  /** Grows with every change of the user's rules. */
  async version(userId: UserId): Promise<number> {
    return (await this.#load(userId)).version
  }

  /** Throws 404 `M_NOT_FOUND`. */
  async rule(userId: UserId, kind: RuleKind, ruleId: string): Promise<PushRule> {
    const rule = (await this.rules(userId))[kind].find((one) => one.rule_id === ruleId)
    if (!rule) throw ruleNotFound()
    return rule
  }

  /** Adds or changes an own rule. Throws 400 `M_UNKNOWN` where a neighbour named is not an own rule of that kind. */
  put(
    userId: UserId,
    kind: RuleKind,
    ruleId: string,
    rule: NewRule,
    place: { readonly before?: string | undefined; readonly after?: string | undefined },
  ): Promise<void> {
    return this.#change(userId, (row) => {
      const own = row.own[kind] ?? []
      const known = own.find((one) => one.rule_id === ruleId)
      if (!known && own.length >= MAX_RULES) throw new MatrixError(400, 'M_INVALID_PARAM', 'Too many push rules')
      const made = { rule_id: ruleId, enabled: known?.enabled ?? true, ...rule }
      return bounded({ ...row, own: { ...row.own, [kind]: placed(own, made, place) } })
    })
  }

  /** Throws 404 for an unknown rule, 400 for a default one. */
  async delete(userId: UserId, kind: RuleKind, ruleId: string): Promise<void> {
    await this.#change(userId, (row) => {
      const own = row.own[kind] ?? []
      const rest = own.filter((one) => one.rule_id !== ruleId)
      if (rest.length < own.length) return { ...row, own: { ...row.own, [kind]: rest } }
      if (ruleId.startsWith('.')) throw new MatrixError(400, 'M_INVALID_PARAM', 'Default rules can only be disabled')
      throw ruleNotFound()
    })
  }

  /** Own and default rules alike. Throws 404. */
  async amend(
    userId: UserId,
    kind: RuleKind,
    ruleId: string,
    change: { readonly enabled?: boolean; readonly actions?: readonly Action[] },
  ): Promise<void> {
    await this.#change(userId, (row) => {
      const own = row.own[kind] ?? []
      if (own.some((one) => one.rule_id === ruleId)) {
        const rules = own.map((one) => (one.rule_id === ruleId ? { ...one, ...change } : one))
        return bounded({ ...row, own: { ...row.own, [kind]: rules } })
      }
      if (!defaultRules(kind, userId).some((one) => one.rule_id === ruleId)) throw ruleNotFound()
      return { ...row, changed: { ...row.changed, [ruleId]: { ...row.changed[ruleId], ...change } } }
    })
  }

  /** The content of `m.push_rules`. */
  async render(userId: UserId): Promise<JsonObject> {
    return { global: (await this.rules(userId)) as unknown as JsonObject }
  }

  async #load(userId: UserId): Promise<{ readonly version: number; readonly rules: Ruleset }> {
    const cached = this.#cache.get(userId)
    if (cached) return cached
    const row = (await this.#table.get(userId)) ?? NOTHING
    const loaded = { version: row.version, rules: rulesetOf(row, userId) }
    // A change that was committed while this was read has put its own version there.
    const newer = this.#cache.get(userId)
    if (newer && newer.version >= loaded.version) return newer
    this.#cache.set(userId, loaded)
    return loaded
  }

  #change(userId: UserId, change: (row: Row) => Row): Promise<void> {
    return this.#queue.run(userId, async () => {
      const before = (await this.#table.get(userId)) ?? NOTHING
      const row = { ...change(before), version: before.version + 1 }
      await this.#accountData().update(userId, undefined, 'm.push_rules', () => ({}), [this.#table.put([userId], row)])
      this.#cache.set(userId, { version: row.version, rules: rulesetOf(row, userId) })
    })
  }
}

/** Throws 400 for more rules than may be held against every event. */
function bounded(row: Row): Row {
  const rules = Object.values(row.own).flat()
  const conditions = rules.reduce((sum, rule) => sum + Math.max(1, rule.conditions?.length ?? 0), 0)
  const patterns = rules.flatMap((rule) => [rule.pattern, ...(rule.conditions ?? []).map(({ pattern }) => pattern)])
  const globs = patterns.filter((pattern) => typeof pattern === 'string' && /[*?]/.test(pattern)).join('')
  const fits = conditions <= MAX_CONDITIONS && globs.length <= MAX_GLOB_LENGTH
  if (fits && JSON.stringify(row.own).length <= MAX_RULES_LENGTH) return row
  throw new MatrixError(400, 'M_INVALID_PARAM', 'Too many push rules')
}

function rulesetOf(row: Row, userId: UserId): Ruleset {
  const entries = RULE_KINDS.map((kind) => {
    const own = (row.own[kind] ?? []).map((rule) => ({ ...rule, default: false }))
    const defaults = defaultRules(kind, userId).map((rule) => ({ ...rule, ...row.changed[rule.rule_id] }))
    const master = defaults.filter((rule) => rule.rule_id === MASTER_RULE)
    return [kind, [...master, ...own, ...defaults.filter((rule) => rule.rule_id !== MASTER_RULE)]]
  })
  return Object.fromEntries(entries) as Ruleset
}

/** The rules with `rule` in its place: where asked, else where it was, else first. */
function placed(
  own: readonly OwnRule[],
  rule: OwnRule,
  place: { readonly before?: string | undefined; readonly after?: string | undefined },
): readonly OwnRule[] {
  const rest = own.filter((one) => one.rule_id !== rule.rule_id)
  const at = (neighbour: string) => {
    const index = rest.findIndex((one) => one.rule_id === neighbour)
    if (index === -1) throw new MatrixError(400, 'M_UNKNOWN', `before/after rule not found: ${neighbour}`)
    return index
  }
  const afterIndex = place.after === undefined ? undefined : at(place.after) + 1
  const beforeIndex = place.before === undefined ? undefined : at(place.before)
  if (beforeIndex === undefined && afterIndex === undefined) {
    const index = own.findIndex((one) => one.rule_id === rule.rule_id)
    return index === -1 ? [rule, ...own] : own.with(index, rule)
  }
  return rest.toSpliced(beforeIndex ?? afterIndex ?? 0, 0, rule)
}

function ruleNotFound(): MatrixError {
  return new MatrixError(404, 'M_NOT_FOUND', 'The push rule was not found')
}
