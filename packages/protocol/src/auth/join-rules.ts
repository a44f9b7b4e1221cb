import { ownValue } from '../json/own-value.ts'
import { roomCreator } from './creators.ts'
import { joinRuleOf, membershipOf, type RuleInput } from './rule-input.ts'
import { ALLOWED, type AuthVerdict, denied } from './verdict.ts'

/** Rule 5.3 (version 12's numbers): `membership` is `join`. */
export function checkJoin(input: RuleInput, target: string): AuthVerdict {
  const { event, create, state, rules } = input
  // 5.3.1
  const [parent, ...others] = new Set(event.prevEvents)
  if (parent === create.eventId && others.length === 0 && target === roomCreator(create, rules)) return ALLOWED
  // 5.3.2
  if (event.sender !== target) return denied('join_other_user', 'joining somebody else')
  // 5.3.3
  const membership = membershipOf(state, target)
  if (membership === 'ban') return denied('join_banned', 'banned')
  const isIn = membership === 'join' || membership === 'invite'
  const rule = joinRuleOf(state)
  // 5.3.4
  if (rule === 'invite' || (rule === 'knock' && rules.auth.knockRules.has('knock'))) {
    return isIn ? ALLOWED : denied('join_not_invited', 'neither invited nor joined')
  }
  // 5.3.5
  if (rule !== undefined && rules.auth.restrictedRules.has(rule)) {
    if (isIn || hasAuthoriser(input)) return ALLOWED
    return denied('join_authoriser', 'join_authorised_via_users_server may not invite')
  }
  // 5.3.6, 5.3.7
  return rule === 'public' ? ALLOWED : denied('join_rule', 'the join rule lets nobody in')
}

/** 5.3.5.2: a joined member with the power to invite. */
function hasAuthoriser({ event, state, levels }: RuleInput): boolean {
  const authoriser = ownValue(event.content, 'join_authorised_via_users_server')
  if (typeof authoriser !== 'string' || membershipOf(state, authoriser) !== 'join') return false
  return levels.user(authoriser) >= levels.named('invite')
}
