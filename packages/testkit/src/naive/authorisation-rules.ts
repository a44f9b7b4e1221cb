import { checkAuthEvents } from './auth-events-rule.ts'
import { checkCreate } from './create-rule.ts'
import { domainOf, type NaiveEvent, type NaiveEvents, type NaiveState, property, tuple } from './event.ts'
import { checkMember } from './member-rule.ts'
import { createOf, namedLevel, powerLevelOf, requiredPowerLevel } from './power-levels.ts'
import { checkPowerLevels } from './power-levels-rule.ts'
import { allow, type NaiveVerdict, type RuleInput, reject } from './rule-input.ts'

/** The number of each rule on the page of its version: version 6 dropped the one for aliases, version 12 added the one for the room id. */
function ruleNumbers(version: number) {
  const authEvents = version >= 12 ? 3 : 2
  const member = version <= 5 ? 5 : version <= 11 ? 4 : 5
  return {
    roomId: '2',
    authEvents: String(authEvents),
    federate: String(authEvents + 1),
    aliases: '4',
    member: String(member),
    senderIsJoined: String(member + 1),
    thirdPartyInvite: String(member + 2),
    requiredLevel: String(member + 3),
    stateKeyOfAnother: String(member + 4),
    powerLevels: String(member + 5),
    redaction: '11',
    otherwise: String(version <= 2 ? 12 : member + 6),
  }
}

/**
 * "Authorisation rules" of rooms/v1.md to rooms/v12.md, from the first to the last, for an event against a room state. Signatures
 * of the event itself are assumed to be checked; those that a rule asks for are looked at.
 */
export function naiveAuthorise(
  event: NaiveEvent,
  state: NaiveState,
  roomVersion: string,
  events: NaiveEvents,
  rejected: ReadonlySet<string> = new Set(),
): NaiveVerdict {
  const version = Number(roomVersion)
  const input: RuleInput = { event, state, version, events, rejected }
  const numbers = ruleNumbers(version)

  if (event.type === 'm.room.create') return checkCreate(input)

  const create = createOf(event.roomId, state, events, version)
  if (version >= 12 && (create?.type !== 'm.room.create' || rejected.has(create.eventId))) return reject(numbers.roomId)

  const authEvents = checkAuthEvents(input, numbers.authEvents)
  if (authEvents) return authEvents

  if (
    property(create?.content, 'm.federate') === false &&
    create &&
    domainOf(event.sender) !== domainOf(create.sender)
  ) {
    return reject(numbers.federate)
  }
  if (version <= 5 && event.type === 'm.room.aliases') {
    if (event.stateKey === undefined) return reject(`${numbers.aliases}.1`)
    if (domainOf(event.sender) !== event.stateKey) return reject(`${numbers.aliases}.2`)
    return allow(`${numbers.aliases}.3`)
  }
  if (event.type === 'm.room.member') return checkMember(input, create, numbers.member)

  const membership = property(state.get(tuple('m.room.member', event.sender))?.content, 'membership')
  if (membership !== 'join') return reject(numbers.senderIsJoined)

  const level = powerLevelOf(event.sender, state, create, version)
  if (event.type === 'm.room.third_party_invite') {
    return level >= namedLevel('invite', state, version)
      ? allow(`${numbers.thirdPartyInvite}.1`)
      : reject(`${numbers.thirdPartyInvite}.1`)
  }
  if (requiredPowerLevel(event, state, version) > level) return reject(numbers.requiredLevel)
  if (event.stateKey?.startsWith('@') && event.stateKey !== event.sender) return reject(numbers.stateKeyOfAnother)
  if (event.type === 'm.room.power_levels') return checkPowerLevels(input, create, numbers.powerLevels)
  if (version <= 2 && event.type === 'm.room.redaction') {
    if (level >= namedLevel('redact', state, version)) return allow(`${numbers.redaction}.1`)
    const isSameDomain = event.redacts !== undefined && domainOf(event.redacts) === domainOf(event.eventId)
    return isSameDomain ? allow(`${numbers.redaction}.2`) : reject(`${numbers.redaction}.3`)
  }
  return allow(numbers.otherwise)
}
