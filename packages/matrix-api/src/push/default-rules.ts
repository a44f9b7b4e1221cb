import type { JsonObject, JsonValue } from '@starling/protocol'
import { type Action, type PushRule, type RuleKind, tweak } from './rule-types.ts'

const NOTIFY = 'notify'
const DEFAULT_SOUND = tweak('sound', 'default')
const HIGHLIGHT = tweak('highlight')
const SILENT: readonly Action[] = []

const match = (key: string, pattern: string): JsonObject => ({ kind: 'event_match', key, pattern })
const is = (key: string, value: JsonValue): JsonObject => ({ kind: 'event_property_is', key, value })
const members = (count: string): JsonObject => ({ kind: 'room_member_count', is: count })

type DefaultRule = readonly [
  id: string,
  conditions: readonly JsonObject[],
  actions: readonly Action[],
  enabled?: boolean,
]

/** Client-Server API v1.19, "Predefined Rules", "Default Override Rules", in the spec's order. */
function overrideRules(userId: string): readonly DefaultRule[] {
  return [
    ['.m.rule.master', [], SILENT, false],
    ['.m.rule.suppress_notices', [match('content.msgtype', 'm.notice')], SILENT],
    [
      '.m.rule.invite_for_me',
      [match('type', 'm.room.member'), match('content.membership', 'invite'), match('state_key', userId)],
      [NOTIFY, DEFAULT_SOUND],
    ],
    ['.m.rule.member_event', [match('type', 'm.room.member')], SILENT],
    [
      '.m.rule.is_user_mention',
      [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
      [NOTIFY, DEFAULT_SOUND, HIGHLIGHT],
    ],
    [
      '.m.rule.is_room_mention',
      [is('content.m\\.mentions.room', true), { kind: 'sender_notification_permission', key: 'room' }],
      [NOTIFY, HIGHLIGHT],
    ],
    ['.m.rule.tombstone', [match('type', 'm.room.tombstone'), match('state_key', '')], [NOTIFY, HIGHLIGHT]],
    ['.m.rule.reaction', [match('type', 'm.reaction')], SILENT],
    ['.m.rule.room.server_acl', [match('type', 'm.room.server_acl'), match('state_key', '')], SILENT],
    ['.m.rule.suppress_edits', [is('content.m\\.relates_to.rel_type', 'm.replace')], SILENT],
  ]
}

/** "Default Underride Rules". */
const UNDERRIDE_RULES: readonly DefaultRule[] = [
  ['.m.rule.call', [match('type', 'm.call.invite')], [NOTIFY, tweak('sound', 'ring')]],
  ['.m.rule.encrypted_room_one_to_one', [members('2'), match('type', 'm.room.encrypted')], [NOTIFY, DEFAULT_SOUND]],
  ['.m.rule.room_one_to_one', [members('2'), match('type', 'm.room.message')], [NOTIFY, DEFAULT_SOUND]],
  ['.m.rule.message', [match('type', 'm.room.message')], [NOTIFY]],
  ['.m.rule.encrypted', [match('type', 'm.room.encrypted')], [NOTIFY]],
]

/** Always before every other rule, the user's own included. */
export const MASTER_RULE = '.m.rule.master'

/** The server-default rules of one kind for this user. */
export function defaultRules(kind: RuleKind, userId: string): readonly PushRule[] {
  const rules = kind === 'override' ? overrideRules(userId) : kind === 'underride' ? UNDERRIDE_RULES : []
  return rules.map(([rule_id, conditions, actions, enabled = true]) => ({
    rule_id,
    default: true,
    enabled,
    conditions,
    actions,
  }))
}
