import { type NaiveEvent, property, tuple } from './event.ts'

/** Server-server API, "Auth events selection": the tuples of state that an event's `auth_events` may hold. */
export function authEventsSelection(event: NaiveEvent, version: number): ReadonlySet<string> {
  if (event.type === 'm.room.create') return new Set()
  const selected = new Set<string>()
  if (version <= 11) selected.add(tuple('m.room.create', ''))
  selected.add(tuple('m.room.power_levels', ''))
  selected.add(tuple('m.room.member', event.sender))
  if (event.type !== 'm.room.member') return selected

  const { content } = event
  const membership = property(content, 'membership')
  if (event.stateKey !== undefined) selected.add(tuple('m.room.member', event.stateKey))
  if (membership === 'join' || membership === 'invite' || (membership === 'knock' && version >= 7)) {
    selected.add(tuple('m.room.join_rules', ''))
  }
  const token = property(property(property(content, 'third_party_invite'), 'signed'), 'token')
  if (membership === 'invite' && typeof token === 'string') selected.add(tuple('m.room.third_party_invite', token))
  const authorisedVia = property(content, 'join_authorised_via_users_server')
  if (membership === 'join' && typeof authorisedVia === 'string' && version >= 8) {
    selected.add(tuple('m.room.member', authorisedVia))
  }
  return selected
}
