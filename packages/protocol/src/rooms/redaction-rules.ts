import type { KeptContent, RedactionRules } from './rules.ts'

const TOP_LEVEL_11 = [
  'event_id',
  'type',
  'room_id',
  'sender',
  'state_key',
  'content',
  'hashes',
  'signatures',
  'depth',
  'prev_events',
  'auth_events',
  'origin_server_ts',
]

const POWER_LEVELS = [
  'ban',
  'events',
  'events_default',
  'kick',
  'redact',
  'state_default',
  'users',
  'users_default',
] as const

/** Room versions 1 to 5. Fragment "v1-redactions". */
export const REDACTION_V1: RedactionRules = {
  topLevel: new Set([...TOP_LEVEL_11, 'prev_state', 'origin', 'membership']),
  content: new Map<string, KeptContent>([
    ['m.room.member', ['membership']],
    ['m.room.create', ['creator']],
    ['m.room.join_rules', ['join_rule']],
    ['m.room.power_levels', POWER_LEVELS],
    ['m.room.aliases', ['aliases']],
    ['m.room.history_visibility', ['history_visibility']],
  ]),
}

/** 6 and 7: aliases mean nothing any more. */
export const REDACTION_V6 = overriding(REDACTION_V1, { content: { 'm.room.aliases': [] } })

/** 8: restricted rooms keep whom they allow. */
export const REDACTION_V8 = overriding(REDACTION_V6, { content: { 'm.room.join_rules': ['join_rule', 'allow'] } })

/** 9 and 10: joins keep who authorised them. */
export const REDACTION_V9 = overriding(REDACTION_V8, {
  content: { 'm.room.member': ['membership', 'join_authorised_via_users_server'] },
})

/** 11 and 12. Fragment "v11-redactions". */
export const REDACTION_V11 = overriding(REDACTION_V9, {
  topLevel: TOP_LEVEL_11,
  content: {
    'm.room.member': ['membership', 'join_authorised_via_users_server', 'third_party_invite.signed'],
    'm.room.create': 'all',
    'm.room.power_levels': [...POWER_LEVELS, 'invite'],
    'm.room.redaction': ['redacts'],
  },
})

function overriding(
  base: RedactionRules,
  change: { readonly topLevel?: readonly string[]; readonly content: Readonly<Record<string, KeptContent>> },
): RedactionRules {
  return {
    topLevel: change.topLevel === undefined ? base.topLevel : new Set(change.topLevel),
    content: new Map([...base.content, ...Object.entries(change.content)]),
  }
}
