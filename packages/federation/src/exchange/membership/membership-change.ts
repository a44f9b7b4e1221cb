import type { AbortOptions, EventId, JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'

/** Fits matrix-api's port of the same name. */
export interface MembershipChange {
  readonly roomId: RoomId
  readonly sender: UserId
  /** Whose membership; the sender's own for join, leave and knock. */
  readonly target: UserId
  readonly membership: 'join' | 'invite' | 'leave' | 'ban' | 'knock'
  readonly reason?: string
  readonly content?: JsonObject
  /** Servers that may be asked when this server is not in the room. */
  readonly via?: readonly ServerName[]
}

/** `eventId` undefined: it was so already. */
export interface MembershipOutcome {
  readonly eventId: EventId | undefined
}

export type ChangeMembership = (change: MembershipChange, options?: AbortOptions) => Promise<MembershipOutcome>
