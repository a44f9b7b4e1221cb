import { isJsonObject, type JsonObject, type JsonValue, ownValue } from '@starling/protocol'
import { containsWords, matchesWhole, matchesWords } from './glob.ts'
import { propertyAt } from './property-path.ts'
import { type Action, type PushRule, RULE_KINDS, type RuleKind, type Ruleset } from './rule-types.ts'

/** What conditions ask about the room, as it is when the event is looked at. */
export interface RuleContext {
  readonly displayName: string | undefined
  readonly memberCount: number
  /** `Infinity` for room creators in version 12. */
  powerOf(userId: string): number
  /** The level that a notification of that kind (`room`) takes. */
  notificationLevel(key: string): number
}

export interface PushOutcome {
  readonly ruleId: string
  readonly notify: boolean
  readonly actions: readonly Action[]
  /** Tweak → value; `highlight` is `true` where it stands without one. */
  readonly tweaks: JsonObject
}

/** The condition kinds of the spec. What is not here never matches. */
const CONDITIONS: Readonly<
  Record<string, (condition: JsonObject, event: JsonObject, context: RuleContext) => boolean>
> = {
  event_match: ({ key, pattern }, event) => {
    if (typeof key !== 'string' || typeof pattern !== 'string') return false
    const value = propertyAt(event, key)
    if (typeof value !== 'string') return false
    return key === 'content.body' ? matchesWords(pattern, value) : matchesWhole(pattern, value)
  },
  event_property_is: ({ key, value }, event) =>
    typeof key === 'string' && isScalar(value) && propertyAt(event, key) === value,
  event_property_contains: ({ key, value }, event) => {
    const list = typeof key === 'string' ? propertyAt(event, key) : undefined
    return isScalar(value) && Array.isArray(list) && list.includes(value)
  },
  contains_display_name: (_condition, event, { displayName }) => {
    const body = propertyAt(event, 'content.body')
    return (
      typeof body === 'string' && displayName !== undefined && displayName !== '' && containsWords(displayName, body)
    )
  },
  room_member_count: ({ is }, _event, { memberCount }) => typeof is === 'string' && countIs(is, memberCount),
  sender_notification_permission: ({ key }, { sender }, context) =>
    typeof key === 'string' && typeof sender === 'string' && context.powerOf(sender) >= context.notificationLevel(key),
}

/**
 * The first enabled rule that matches decides (Client-Server API, "Push Rules"); undefined where none does. `event` in client
 * format. The caller leaves out the user's own events.
 */
export function evaluatePushRules(event: JsonObject, rules: Ruleset, context: RuleContext): PushOutcome | undefined {
  for (const kind of RULE_KINDS) {
    for (const rule of rules[kind]) {
      if (rule.enabled && matches(kind, rule, event, context)) return outcome(rule)
    }
  }
  return undefined
}

function matches(kind: RuleKind, rule: PushRule, event: JsonObject, context: RuleContext): boolean {
  switch (kind) {
    case 'room':
      return event.room_id === rule.rule_id
    case 'sender':
      return event.sender === rule.rule_id
    case 'content': {
      const body = propertyAt(event, 'content.body')
      return typeof body === 'string' && rule.pattern !== undefined && matchesWords(rule.pattern, body)
    }
    case 'override':
    case 'underride':
      return (rule.conditions ?? []).every((condition) => holds(condition, event, context))
  }
}

function holds(condition: JsonObject, event: JsonObject, context: RuleContext): boolean {
  const { kind } = condition
  const check = typeof kind === 'string' && Object.hasOwn(CONDITIONS, kind) ? CONDITIONS[kind] : undefined
  return check?.(condition, event, context) ?? false
}

function outcome({ rule_id, actions }: PushRule): PushOutcome {
  const tweaks = actions.filter(isTweak).map((action) => [action.set_tweak, ownValue(action, 'value') ?? true] as const)
  return { ruleId: rule_id, notify: actions.includes('notify'), actions, tweaks: Object.fromEntries(tweaks) }
}

function isTweak(action: Action): action is JsonObject & { readonly set_tweak: string } {
  return isJsonObject(action) && typeof action.set_tweak === 'string'
}

function isScalar(value: JsonValue | undefined): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}

const COUNT = /^(==|<=|>=|<|>)?([0-9]{1,10})$/

function countIs(text: string, count: number): boolean {
  const [, operator = '==', digits] = COUNT.exec(text) ?? []
  if (digits === undefined) return false
  const bound = Number(digits)
  switch (operator) {
    case '<':
      return count < bound
    case '>':
      return count > bound
    case '<=':
      return count <= bound
    case '>=':
      return count >= bound
    default:
      return count === bound
  }
}
