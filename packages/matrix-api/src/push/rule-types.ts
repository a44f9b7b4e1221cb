import type { JsonObject, JsonValue } from '@starling/protocol'

/** Kinds of rules in the order in which they are tried (Client-Server API, "Push Rules"). */
export const RULE_KINDS = ['override', 'content', 'room', 'sender', 'underride'] as const
export type RuleKind = (typeof RULE_KINDS)[number]

/** `notify`, or a tweak: `{set_tweak, value?}`. */
export type Action = string | JsonObject

export interface PushRule {
  readonly rule_id: string
  readonly default: boolean
  readonly enabled: boolean
  readonly actions: readonly Action[]
  /** Override and underride only. */
  readonly conditions?: readonly JsonObject[]
  /** Content only. */
  readonly pattern?: string
}

export type Ruleset = { readonly [kind in RuleKind]: readonly PushRule[] }

export function isRuleKind(text: string | undefined): text is RuleKind {
  return RULE_KINDS.some((kind) => kind === text)
}

export function tweak(name: string, value?: JsonValue): JsonObject {
  return { set_tweak: name, ...(value !== undefined && { value }) }
}
