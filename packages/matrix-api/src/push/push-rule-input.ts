import { isJsonObject, type JsonObject, type JsonValue, parseRoomId, parseUserId } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import type { NewRule } from './push-rules.ts'
import { type Action, isRuleKind, type RuleKind } from './rule-types.ts'

/** A rule is held against every event: its size is bounded as much as the number of rules. */
const MAX_ACTIONS = 50
const MAX_CONDITIONS = 50
const MAX_PATTERN_LENGTH = 512
const MAX_RULE_ID_BYTES = 255
/** UTF-16 units of the rule's JSON. */
const MAX_RULE_LENGTH = 16 * 1024

/** Actions of older versions of the spec, which mean nothing any more and are left out ("Historical Actions"). */
const HISTORICAL: ReadonlySet<string> = new Set(['dont_notify', 'coalesce'])

export function ruleKindOf(text: string | undefined): RuleKind {
  if (!isRuleKind(text)) throw new MatrixError(400, 'M_INVALID_PARAM', 'No such kind of push rule')
  return text
}

/** The id of a rule that a user may make; room and sender rules are named after what they are about. */
export function newRuleIdOf(kind: RuleKind, ruleId: string): string {
  const bad = (why: string) => new MatrixError(400, 'M_INVALID_PARAM', why)
  if (ruleId.startsWith('.')) throw bad('Rule ids with a leading dot are reserved for default rules')
  if (/[/\\]/.test(ruleId) && kind !== 'room' && kind !== 'sender') throw bad('Rule ids hold no slashes')
  if (Buffer.byteLength(ruleId) > MAX_RULE_ID_BYTES) throw bad('The rule id is too long')
  if (kind === 'room' && !parseRoomId(ruleId)) throw bad('The id of a room rule is a room id')
  if (kind === 'sender' && !parseUserId(ruleId)) throw bad('The id of a sender rule is a user id')
  return ruleId
}

export function newRuleOf(kind: RuleKind, body: JsonObject): NewRule {
  const rule = readRule(kind, body)
  if (JSON.stringify(rule).length > MAX_RULE_LENGTH) {
    throw new MatrixError(400, 'M_INVALID_PARAM', 'The push rule is too long')
  }
  return rule
}

function readRule(kind: RuleKind, body: JsonObject): NewRule {
  const actions = actionsOf(body)
  if (kind === 'content') return { actions, pattern: patternOf(body) }
  if (kind === 'override' || kind === 'underride') return { actions, conditions: conditionsOf(body.conditions) }
  return { actions }
}

export function actionsOf({ actions }: JsonObject): readonly Action[] {
  if (actions === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: actions')
  if (!Array.isArray(actions)) throw new MatrixError(400, 'M_BAD_JSON', 'actions is not a list')
  if (actions.length > MAX_ACTIONS) throw new MatrixError(400, 'M_INVALID_PARAM', 'Too many actions')
  return (actions as readonly JsonValue[]).map(actionOf).filter((action) => !isHistorical(action))
}

function actionOf(action: JsonValue): Action {
  if (typeof action === 'string') return action
  if (isJsonObject(action) && typeof action.set_tweak === 'string') return action
  throw new MatrixError(400, 'M_INVALID_PARAM', 'An action is a name or a tweak')
}

function isHistorical(action: Action): boolean {
  return typeof action === 'string' && HISTORICAL.has(action)
}

function patternOf({ pattern }: JsonObject): string {
  if (pattern === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: pattern')
  if (typeof pattern !== 'string') throw new MatrixError(400, 'M_BAD_JSON', 'pattern is not a string')
  return checkLength(pattern)
}

function conditionsOf(conditions: JsonValue | undefined): readonly JsonObject[] {
  if (conditions === undefined) return []
  if (!Array.isArray(conditions)) throw new MatrixError(400, 'M_BAD_JSON', 'conditions is not a list')
  if (conditions.length > MAX_CONDITIONS) throw new MatrixError(400, 'M_INVALID_PARAM', 'Too many conditions')
  return (conditions as readonly JsonValue[]).map((condition) => {
    if (!isJsonObject(condition) || typeof condition.kind !== 'string') {
      throw new MatrixError(400, 'M_BAD_JSON', 'A condition is an object with a kind')
    }
    if (typeof condition.pattern === 'string') checkLength(condition.pattern)
    return condition
  })
}

function checkLength(pattern: string): string {
  if (pattern.length > MAX_PATTERN_LENGTH) throw new MatrixError(400, 'M_INVALID_PARAM', 'The pattern is too long')
  return pattern
}
