import { domainOf, eventFor, isObject, type NaiveEvent, property, tuple } from './event.ts'
import { createOf, creatorsOf, namedLevel, powerLevelOf } from './power-levels.ts'
import { allow, type NaiveVerdict, type RuleInput, reject } from './rule-input.ts'
import { checkThirdPartyInvite } from './third-party-invite-rule.ts'

/** The rule for `m.room.member`; `rule` is its number, 5 in versions 1 to 5 and in 12, 4 in between. */
export function checkMember(input: RuleInput, create: NaiveEvent | undefined, rule: string): NaiveVerdict {
  const { event, version } = input
  const membership = property(event.content, 'membership')
  if (event.stateKey === undefined || membership === undefined) return reject(`${rule}.1`)

  const authorisedVia = property(event.content, 'join_authorised_via_users_server')
  if (version >= 8 && authorisedVia !== undefined && !isSignedByServerOf(authorisedVia, event))
    return reject(`${rule}.2.1`)

  // From version 8 on, everything after the point about `join_authorised_via_users_server` is numbered one higher.
  const first = version >= 8 ? 3 : 2
  if (membership === 'join') return checkJoin(input, create, event.stateKey, `${rule}.${first}`)
  if (membership === 'invite') return checkInvite(input, event.stateKey, `${rule}.${first + 1}`)
  if (membership === 'leave') return checkLeave(input, event.stateKey, `${rule}.${first + 2}`)
  if (membership === 'ban') return checkBan(input, event.stateKey, `${rule}.${first + 3}`)
  if (membership === 'knock' && version >= 7) return checkKnock(input, event.stateKey, `${rule}.${first + 4}`)
  return reject(`${rule}.${first + (version >= 7 ? 5 : 4)}`)
}

function isSignedByServerOf(user: unknown, event: NaiveEvent): boolean {
  if (typeof user !== 'string') return false
  const server = domainOf(user)
  return server !== undefined && isObject(property(property(event.json, 'signatures'), server))
}

function membershipOf(user: string, { state }: RuleInput) {
  return property(state.get(tuple('m.room.member', user))?.content, 'membership')
}

function levelOf(user: string, { event, state, events, version }: RuleInput): number {
  return powerLevelOf(user, state, createOf(event.roomId, state, events, version), version)
}

/**
 * The pages of the room versions do not say what the join rule is where there is no `m.room.join_rules` event; the spec's maintainers
 * do (matrix-spec issue 657): it is `invite`, and nobody can join by a rule that is not known.
 */
function joinRuleIn({ state }: RuleInput) {
  const joinRules = state.get(tuple('m.room.join_rules', ''))
  return joinRules ? property(joinRules.content, 'join_rule') : 'invite'
}

function checkJoin(input: RuleInput, create: NaiveEvent | undefined, target: string, rule: string): NaiveVerdict {
  const { event, version, events } = input
  const previous = event.prevEvents.map((id) => eventFor(id, events))
  const creator = creatorsOf(create, version)[0]
  if (previous.length === 1 && previous[0]?.type === 'm.room.create' && creator === target) return allow(`${rule}.1`)

  if (event.sender !== target) return reject(`${rule}.2`)

  const current = membershipOf(event.sender, input)
  if (current === 'ban') return reject(`${rule}.3`)

  const joinRule = joinRuleIn(input)
  const isInvitedOrJoined = current === 'invite' || current === 'join'
  if ((joinRule === 'invite' || (joinRule === 'knock' && version >= 7)) && isInvitedOrJoined) return allow(`${rule}.4`)

  if ((joinRule === 'restricted' && version >= 8) || (joinRule === 'knock_restricted' && version >= 10)) {
    if (isInvitedOrJoined) return allow(`${rule}.5.1`)
    const via = property(event.content, 'join_authorised_via_users_server')
    if (typeof via !== 'string') return reject(`${rule}.5.2`)
    const mayInvite = levelOf(via, input) >= namedLevel('invite', input.state, version)
    if (!mayInvite || membershipOf(via, input) !== 'join') return reject(`${rule}.5.2`)
    return allow(`${rule}.5.3`)
  }
  const last = version >= 8 ? 6 : 5
  return joinRule === 'public' ? allow(`${rule}.${last}`) : reject(`${rule}.${last + 1}`)
}

function checkInvite(input: RuleInput, target: string, rule: string): NaiveVerdict {
  const { event, state, version } = input
  if (property(event.content, 'third_party_invite') !== undefined)
    return checkThirdPartyInvite(input, target, `${rule}.1`)

  if (membershipOf(event.sender, input) !== 'join') return reject(`${rule}.2`)

  const current = membershipOf(target, input)
  if (current === 'join' || current === 'ban') return reject(`${rule}.3`)

  return levelOf(event.sender, input) >= namedLevel('invite', state, version) ? allow(`${rule}.4`) : reject(`${rule}.5`)
}

function checkLeave(input: RuleInput, target: string, rule: string): NaiveVerdict {
  const { event, state, version } = input
  const sendersMembership = membershipOf(event.sender, input)
  if (event.sender === target) {
    const mayLeave = ['invite', 'join', ...(version >= 7 ? ['knock'] : [])]
    return mayLeave.some((one) => one === sendersMembership) ? allow(`${rule}.1`) : reject(`${rule}.1`)
  }
  if (sendersMembership !== 'join') return reject(`${rule}.2`)

  const level = levelOf(event.sender, input)
  if (membershipOf(target, input) === 'ban' && level < namedLevel('ban', state, version)) return reject(`${rule}.3`)

  const mayKick = level >= namedLevel('kick', state, version) && levelOf(target, input) < level
  return mayKick ? allow(`${rule}.4`) : reject(`${rule}.5`)
}

function checkBan(input: RuleInput, target: string, rule: string): NaiveVerdict {
  const { event, state, version } = input
  if (membershipOf(event.sender, input) !== 'join') return reject(`${rule}.1`)

  const level = levelOf(event.sender, input)
  const mayBan = level >= namedLevel('ban', state, version) && levelOf(target, input) < level
  return mayBan ? allow(`${rule}.2`) : reject(`${rule}.3`)
}

function checkKnock(input: RuleInput, target: string, rule: string): NaiveVerdict {
  const { event, version } = input
  const joinRule = joinRuleIn(input)
  if (joinRule !== 'knock' && !(joinRule === 'knock_restricted' && version >= 10)) return reject(`${rule}.1`)

  if (event.sender !== target) return reject(`${rule}.2`)

  const current = membershipOf(event.sender, input)
  return current !== 'ban' && current !== 'invite' && current !== 'join' ? allow(`${rule}.3`) : reject(`${rule}.4`)
}
