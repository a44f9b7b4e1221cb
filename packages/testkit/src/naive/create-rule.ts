import { domainOf, property } from './event.ts'
import { allow, type NaiveVerdict, type RuleInput, reject } from './rule-input.ts'
import { isUserId } from './user-ids.ts'

const RECOGNISED_VERSIONS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']

/** Rule 1 of every version. */
export function checkCreate({ event, version }: RuleInput): NaiveVerdict {
  if (event.prevEvents.length > 0) return reject('1.1')

  if (version <= 11 && domainOf(event.roomId) !== domainOf(event.sender)) return reject('1.2')
  if (version >= 12 && property(event.json, 'room_id') !== undefined) return reject('1.2')

  const named = property(event.content, 'room_version')
  if (named !== undefined && !(typeof named === 'string' && RECOGNISED_VERSIONS.includes(named))) return reject('1.3')

  if (version <= 10 && property(event.content, 'creator') === undefined) return reject('1.4')
  if (version >= 12) {
    const additional = property(event.content, 'additional_creators')
    if (additional !== undefined && !(Array.isArray(additional) && additional.every(isUserId))) return reject('1.4')
  }
  return allow(version === 11 ? '1.4' : '1.5')
}
