import { signingKeyIds } from '../crypto/sign-json.ts'
import type { ServerName } from '../ids/branded.ts'
import { serverOf } from '../ids/id-parts.ts'
import { parseUserId } from '../ids/user-id.ts'
import { ownValue } from '../json/own-value.ts'
import { checkInvite } from './invite-rules.ts'
import { checkJoin } from './join-rules.ts'
import { joinRuleOf, membershipOf, type RuleInput } from './rule-input.ts'
import { ALLOWED, type AuthVerdict, denied } from './verdict.ts'

type MembershipRule = (input: RuleInput, target: string) => AuthVerdict

/** Rule 5 (version 12's numbers), one entry for each membership. */
const RULES: ReadonlyMap<string, MembershipRule> = new Map([
  ['join', checkJoin],
  ['invite', checkInvite],
  ['leave', checkLeave],
  ['ban', checkBan],
  ['knock', checkKnock],
])

/** Rule 5: `m.room.member`. */
export function checkMembership(input: RuleInput): AuthVerdict {
  const { event, rules } = input
  const target = event.stateKey
  const membership = ownValue(event.content, 'membership')
  // 5.1; the target user of the rules below has to be one.
  if (target === undefined || membership === undefined || !parseUserId(target, rules.userIds)) {
    return denied('member_malformed', 'no membership, or a state_key that is no user id')
  }
  // 5.2
  if (rules.auth.restrictedRules.size > 0 && !authoriserHasSigned(input)) {
    return denied('join_not_authorised_signature', 'not signed by the server of join_authorised_via_users_server')
  }
  // 5.3 to 5.8. Knocking is unknown to versions 1 to 6.
  const rule = typeof membership === 'string' ? RULES.get(membership) : undefined
  if (!rule || (rule === checkKnock && rules.auth.knockRules.size === 0)) {
    return denied('member_unknown_membership', 'no such membership')
  }
  return rule(input, target)
}

function authoriserHasSigned({ event, rules, options }: RuleInput): boolean {
  const authoriser = ownValue(event.content, 'join_authorised_via_users_server')
  if (authoriser === undefined) return true
  const user = parseUserId(authoriser, rules.userIds)
  if (user === undefined) return false
  const server: ServerName = serverOf(user)
  return options.isSignedBy ? options.isSignedBy(event, server) : signingKeyIds(event.json, server).length > 0
}

/** 5.5 */
function checkLeave({ event, state, levels, rules }: RuleInput, target: string): AuthVerdict {
  const membership = membershipOf(state, event.sender)
  // 5.5.1
  if (event.sender === target) {
    const isKnocking = membership === 'knock' && rules.auth.knockRules.size > 0
    const mayLeave = membership === 'invite' || membership === 'join' || isKnocking
    return mayLeave ? ALLOWED : denied('leave_membership', 'neither joined nor invited nor knocking')
  }
  // 5.5.2
  if (membership !== 'join') return denied('sender_not_joined', 'the sender is not joined')
  const power = levels.user(event.sender)
  // 5.5.3
  if (membershipOf(state, target) === 'ban' && power < levels.named('ban')) {
    return denied('unban_level', 'the sender may not lift bans')
  }
  // 5.5.4, 5.5.5
  const mayKick = power >= levels.named('kick') && levels.user(target) < power
  return mayKick ? ALLOWED : denied('kick_level', 'the sender may not remove this user')
}

/** 5.6 */
function checkBan({ event, state, levels }: RuleInput, target: string): AuthVerdict {
  // 5.6.1
  if (membershipOf(state, event.sender) !== 'join') return denied('sender_not_joined', 'the sender is not joined')
  // 5.6.2, 5.6.3
  const power = levels.user(event.sender)
  const mayBan = power >= levels.named('ban') && levels.user(target) < power
  return mayBan ? ALLOWED : denied('ban_level', 'the sender may not ban this user')
}

/** 5.7 */
function checkKnock({ event, state, rules }: RuleInput, target: string): AuthVerdict {
  // 5.7.1
  if (!rules.auth.knockRules.has(joinRuleOf(state) ?? '')) return denied('knock_rule', 'the room takes no knocks')
  // 5.7.2
  if (event.sender !== target) return denied('knock_other_user', 'knocking for somebody else')
  // 5.7.3, 5.7.4
  const membership = membershipOf(state, event.sender)
  const mayKnock = membership !== 'ban' && membership !== 'invite' && membership !== 'join'
  return mayKnock ? ALLOWED : denied('knock_membership', 'banned, invited or joined')
}
