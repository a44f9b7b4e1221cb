import { type JsonObject, ownValue } from '@starling/protocol'

/** State event of a room that says how long its messages are kept (MSC1763). */
export const RETENTION_TYPE = 'm.room.retention'

/** What the node's owner lets happen to history. Nothing is removed where both are off. */
export interface RetentionLimits {
  /** Milliseconds; no message older than this is kept, whatever a room says. Undefined: no limit. */
  readonly maxAge: number | undefined
  /** Whether rooms may shorten it by their own policy. */
  readonly followRooms: boolean
  /** Bytes that messages of all rooms may take together; the largest rooms give first. Undefined: no limit. */
  readonly maxBytes?: number | undefined
}

/** A room cannot make its members forget sooner than this, in milliseconds: nobody takes a conversation away while it is held. */
export const SHORTEST_LIFETIME = 24 * 3600_000

/** A room's `min_lifetime` keeps its messages from a limit by bytes for so long at the most: the disk is the owner's. */
export const LONGEST_SPARED = 7 * SHORTEST_LIFETIME

/**
 * Milliseconds for which messages of a room are kept; undefined for ever. `policy` is the content of its `m.room.retention`, whose
 * `max_lifetime` counts if it is a positive integer, and no less than its `min_lifetime`: of a policy that contradicts itself
 * the half that removes less.
 */
export function lifetimeOf(policy: JsonObject | undefined, limits: RetentionLimits): number | undefined {
  const asked = limits.followRooms ? lifetimeIn(policy, 'max_lifetime') : undefined
  const byRoom =
    asked === undefined ? undefined : Math.max(asked, lifetimeIn(policy, 'min_lifetime') ?? 0, SHORTEST_LIFETIME)
  if (byRoom === undefined || limits.maxAge === undefined) return byRoom ?? limits.maxAge
  return Math.min(byRoom, limits.maxAge)
}

/** Milliseconds for which a message is kept although there is too much: a day, or the room's `min_lifetime` up to a week. */
export function sparedFor(policy: JsonObject | undefined, { followRooms }: RetentionLimits): number {
  const asked = (followRooms ? lifetimeIn(policy, 'min_lifetime') : undefined) ?? 0
  return Math.min(Math.max(asked, SHORTEST_LIFETIME), LONGEST_SPARED)
}

function lifetimeIn(policy: JsonObject | undefined, name: 'min_lifetime' | 'max_lifetime'): number | undefined {
  const asked = policy === undefined ? undefined : ownValue(policy, name)
  return typeof asked === 'number' && Number.isSafeInteger(asked) && asked > 0 ? asked : undefined
}
