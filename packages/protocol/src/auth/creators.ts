import type { Pdu } from '../events/pdu.ts'
import type { UserId } from '../ids/branded.ts'
import { ownValue } from '../json/own-value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'

/** The user that made the room: `creator` of the create event's content up to version 10, its sender from 11 on. */
export function roomCreator(create: Pdu, rules: RoomVersionRules): UserId | undefined {
  if (rules.auth.creator === 'sender') return create.sender
  const creator = ownValue(create.content, 'creator')
  return typeof creator === 'string' ? (creator as UserId) : undefined
}

/** True for users of infinite power: version 12's room creators. Nobody before that. */
export function isPrivilegedCreator(userId: string, create: Pdu, rules: RoomVersionRules): boolean {
  if (!rules.auth.privilegedCreators) return false
  if (create.sender === userId) return true
  const additional = ownValue(create.content, 'additional_creators')
  return Array.isArray(additional) && additional.includes(userId)
}
