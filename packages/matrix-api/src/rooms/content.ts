import type { JsonObject, JsonValue } from '@starling/protocol'
import type { Membership, RoomEvent } from '../ports.ts'

/** Event content is untrusted: each of these reads one key and answers `undefined` where it is not of that type. */
export function stringIn(content: JsonObject | undefined, key: string): string | undefined {
  const value = ownIn(content, key)
  return typeof value === 'string' ? value : undefined
}

export function numberIn(content: JsonObject | undefined, key: string): number | undefined {
  const value = ownIn(content, key)
  return typeof value === 'number' ? value : undefined
}

export function objectIn(content: JsonObject | undefined, key: string): JsonObject | undefined {
  return asObject(ownIn(content, key))
}

export function arrayIn(content: JsonObject | undefined, key: string): readonly JsonValue[] | undefined {
  const value = ownIn(content, key)
  return Array.isArray(value) ? (value as readonly JsonValue[]) : undefined
}

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
}

const MEMBERSHIPS: ReadonlySet<string> = new Set<Membership>(['join', 'invite', 'leave', 'ban', 'knock'])

/** `membership` of an `m.room.member` event; `leave` where it is absent or not one that the spec knows. */
export function membershipIn(event: RoomEvent | undefined): Membership {
  const membership = stringIn(event?.pdu.content, 'membership')
  return membership !== undefined && MEMBERSHIPS.has(membership) ? (membership as Membership) : 'leave'
}

function ownIn(content: JsonObject | undefined, key: string): JsonValue | undefined {
  return content && Object.hasOwn(content, key) ? content[key] : undefined
}
