import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { defaultRules } from './default-rules.ts'
import { evaluatePushRules, type RuleContext } from './evaluate-push-rules.ts'
import { type PushRule, RULE_KINDS, type RuleKind, type Ruleset } from './rule-types.ts'

const ME = '@me:here.test'

const context: RuleContext = {
  displayName: 'Me',
  memberCount: 5,
  powerOf: (user) => (user === '@admin:x' ? 50 : 0),
  notificationLevel: () => 50,
}

function ruleset(own: { readonly [kind in RuleKind]?: readonly Partial<PushRule>[] } = {}): Ruleset {
  const entries = RULE_KINDS.map((kind) => {
    const rules = (own[kind] ?? []).map((rule) => ({
      default: false,
      enabled: true,
      actions: [],
      rule_id: 'own',
      ...rule,
    }))
    return [kind, [...rules, ...defaultRules(kind, ME)]]
  })
  return Object.fromEntries(entries) as Ruleset
}

function message(content: JsonObject, fields: JsonObject = {}): JsonObject {
  return {
    type: 'm.room.message',
    sender: '@you:x',
    room_id: '!r:x',
    content: { msgtype: 'm.text', ...content },
    ...fields,
  }
}

function ruleFor(event: JsonObject, rules = ruleset(), where: Partial<RuleContext> = {}): string | undefined {
  return evaluatePushRules(event, rules, { ...context, ...where })?.ruleId
}

test('default rules: which one decides', () => {
  const member = (membership: string, state_key: string) => ({
    type: 'm.room.member',
    state_key,
    sender: '@you:x',
    content: { membership },
  })
  const cases: [JsonObject, string | undefined, Partial<RuleContext>?][] = [
    [message({ body: 'hi' }), '.m.rule.message'],
    [message({ body: 'hi' }), '.m.rule.room_one_to_one', { memberCount: 2 }],
    [message({ body: 'hi', msgtype: 'm.notice' }), '.m.rule.suppress_notices'],
    [message({ body: 'hi', 'm.mentions': { user_ids: ['@x:y', ME] } }), '.m.rule.is_user_mention'],
    [message({ body: 'hi', 'm.mentions': { room: true } }), '.m.rule.message'],
    [message({ body: 'hi', 'm.mentions': { room: true } }, { sender: '@admin:x' }), '.m.rule.is_room_mention'],
    [message({ body: 'hi', 'm.mentions': { room: 'true' } }, { sender: '@admin:x' }), '.m.rule.message'],
    [message({ body: '* hi', 'm.relates_to': { rel_type: 'm.replace' } }), '.m.rule.suppress_edits'],
    [member('invite', ME), '.m.rule.invite_for_me'],
    [member('invite', '@x:y'), '.m.rule.member_event'],
    [{ type: 'm.room.tombstone', state_key: '', sender: '@you:x', content: {} }, '.m.rule.tombstone'],
    [{ type: 'm.room.tombstone', sender: '@you:x', content: {} }, undefined],
    [{ type: 'm.reaction', sender: '@you:x', content: {} }, '.m.rule.reaction'],
    [{ type: 'm.room.server_acl', state_key: '', sender: '@you:x', content: {} }, '.m.rule.room.server_acl'],
    [{ type: 'm.call.invite', sender: '@you:x', content: {} }, '.m.rule.call'],
    [{ type: 'm.room.encrypted', sender: '@you:x', content: {} }, '.m.rule.encrypted'],
    [
      { type: 'm.room.encrypted', sender: '@you:x', content: {} },
      '.m.rule.encrypted_room_one_to_one',
      { memberCount: 2 },
    ],
    [{ type: 'm.room.topic', state_key: '', sender: '@you:x', content: {} }, undefined],
  ]
  for (const [event, expected, where] of cases)
    assert.equal(ruleFor(event, ruleset(), where), expected, JSON.stringify(event))
})

test('actions become a notification and tweaks; highlight without a value is true', () => {
  const outcome = evaluatePushRules(message({ 'm.mentions': { user_ids: [ME] } }), ruleset(), context)
  assert.deepEqual(outcome, {
    ruleId: '.m.rule.is_user_mention',
    notify: true,
    actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
    tweaks: { sound: 'default', highlight: true },
  })
})

test('kinds are tried in order: override, content, room, sender, underride', () => {
  const own = {
    override: [{ rule_id: 'o', conditions: [{ kind: 'event_match', key: 'content.body', pattern: 'one' }] }],
    content: [{ rule_id: 'c', pattern: 'tw*' }],
    room: [{ rule_id: '!r:x' }],
    sender: [{ rule_id: '@you:x' }],
  }
  assert.equal(ruleFor(message({ body: 'one two' }), ruleset(own)), 'o')
  assert.equal(ruleFor(message({ body: 'two' }), ruleset(own)), 'c')
  assert.equal(ruleFor(message({ body: 'three' }), ruleset(own)), '!r:x')
  assert.equal(ruleFor(message({ body: 'three' }, { room_id: '!s:x' }), ruleset(own)), '@you:x')
})

test('disabled rules and unknown conditions never match; no conditions always do', () => {
  const only = (rule: Partial<PushRule>) => ruleFor(message({ body: 'x' }), ruleset({ override: [rule] }))
  assert.equal(only({ enabled: false }), '.m.rule.message')
  assert.equal(only({ conditions: [{ kind: 'org.example.new' }] }), '.m.rule.message')
  assert.equal(only({ conditions: [{ kind: 'constructor' }] }), '.m.rule.message')
  assert.equal(only({ conditions: [] }), 'own')
})

test('conditions: display name, member count, exact values', () => {
  const matches = (condition: JsonObject, event: JsonObject, where: Partial<RuleContext> = {}) =>
    ruleFor(event, ruleset({ override: [{ conditions: [condition] }] }), where) === 'own'
  const name = { kind: 'contains_display_name' }
  assert.equal(matches(name, message({ body: 'hey me!' })), true)
  assert.equal(matches(name, message({ body: 'same' })), false)
  assert.equal(matches(name, message({ body: 'hey' }), { displayName: '' }), false)
  assert.equal(matches(name, message({ body: 'all of us' }), { displayName: '*' }), false)
  for (const [is, expected] of [
    ['5', true],
    ['==5', true],
    ['<5', false],
    ['<=5', true],
    ['>4', true],
    ['>=6', false],
    ['x', false],
  ] as const) {
    assert.equal(matches({ kind: 'room_member_count', is }, message({})), expected, is)
  }
  const exact = (value: JsonObject[string]) => ({ kind: 'event_property_is', key: 'content.n', value: value ?? null })
  assert.equal(matches(exact(1), message({ n: 1 })), true)
  assert.equal(matches(exact('1'), message({ n: 1 })), false)
  assert.equal(matches(exact(null), message({})), false)
})
