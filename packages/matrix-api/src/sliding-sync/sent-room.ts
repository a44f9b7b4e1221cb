import type { EventId, UserId } from '@starling/protocol'
import type { Progress } from './connection.ts'
import type { RequiredState } from './required-state.ts'

/** How a room is wanted: the union of the rules that it matches. */
export interface RoomConfig {
  readonly timelineLimit: number
  readonly requiredState: RequiredState
}

/** In which form a room was sent: as a member of it, as one who has left it, or by its stripped state only. */
export type RoomForm = 'joined' | 'departed' | 'stripped'

/** What a connection's client has of a room. Never changed in place. */
export interface SentRoom {
  readonly upTo: Progress
  readonly form: RoomForm
  readonly config: RoomConfig
  /** How many of the newest events it has without a gap; Infinity once it has all that there are. */
  readonly timelineLength: number
  /** Lazily loaded members that it has, bounded; the oldest are forgotten first and sent once more. */
  readonly members: ReadonlyMap<UserId, EventId>
  /** Keys that are told only when they change, with their JSON. */
  readonly told: Readonly<Record<string, string>>
}
