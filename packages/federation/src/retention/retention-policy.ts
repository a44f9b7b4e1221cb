import { type JsonObject, ownValue } from '@starling/protocol'

/** State event of a room that says how long its messages are kept (MSC1763). */
export const RETENTION_TYPE = 'm.room.retention'

/** What the node's owner lets happen to history. Nothing is removed where both are off. */
export interface RetentionLimits {
  /** Milliseconds; no message older than this is kept, whatever a room says. Undefined: no limit. */
  readonly maxAge: number | undefined
  /** Whether rooms may shorten it by their own policy. */
  readonly followRooms: boolean
}

/** A room cannot make its members forget sooner than this, in milliseconds: nobody takes a conversation away while it is held. */
export const SHORTEST_LIFETIME = 24 * 3600_000

/**
 * Milliseconds for which messages of a room are kept; undefined for ever. `policy` is the content of its `m.room.retention`, whose
 * `max_lifetime` counts if it is a positive integer.
 */
export function lifetimeOf(policy: JsonObject | undefined, limits: RetentionLimits): number | undefined {
  const asked = policy === undefined ? undefined : ownValue(policy, 'max_lifetime')
  const byRoom =
    limits.followRooms && typeof asked === 'number' && Number.isSafeInteger(asked) && asked > 0
      ? Math.max(asked, SHORTEST_LIFETIME)
      : undefined
  if (byRoom === undefined || limits.maxAge === undefined) return byRoom ?? limits.maxAge
  return Math.min(byRoom, limits.maxAge)
}
