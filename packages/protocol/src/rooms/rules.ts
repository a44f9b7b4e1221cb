import type { IdForm } from '../ids/room-id.ts'
import type { UserIdGrammar } from '../ids/user-id.ts'

/** Which part of an event's content outlives redaction: `all` of it, or these keys (dots go down one object). */
export type KeptContent = 'all' | readonly string[]

/** What the redaction algorithm leaves of an event. Client-server API, "Redactions". */
export interface RedactionRules {
  /** Top-level keys that stay. */
  readonly topLevel: ReadonlySet<string>
  /** Event type → content that stays; types that are not named lose all content. */
  readonly content: ReadonlyMap<string, KeptContent>
}

/** Where the authorisation rules of room versions differ; everything else is the same in all of them. */
export interface AuthRules {
  /** Rule 1: who made the room, the `creator` of the create event's content (1 to 10) or its sender (11 and up). */
  readonly creator: 'content' | 'sender'
  /** Version 12: creators (`additional_creators` included) have infinite power and may not stand in `users`. */
  readonly privilegedCreators: boolean
  /** `m.room.create` is one of the auth events (1 to 11), or implied by the room id (12). */
  readonly createInAuthEvents: boolean
  /** Rule 4 of versions 1 to 5: `m.room.aliases` is allowed to the server that its state key names. */
  readonly aliases: boolean
  /** Rule 11 of versions 1 and 2: redactions are authorised, not checked when they are applied. */
  readonly redaction: boolean
  /** Power levels of `notifications` are checked like those of `events` (6 and up). */
  readonly notificationLevels: boolean
  /** Power levels are integers (10 and up); before, strings of one count too. */
  readonly integerLevels: boolean
  /** Join rules under which one may knock. */
  readonly knockRules: ReadonlySet<string>
  /** Join rules under which a member of another room may join. */
  readonly restrictedRules: ReadonlySet<string>
}

export type StateResolution = 'v1' | 'v2' | 'v2.1'

/** Everything by which one room version differs from another. Spec, "Room Versions". */
export interface RoomVersionRules {
  readonly version: string
  readonly disposition: 'stable' | 'unstable'
  /**
   * `given`: the `event_id` that the event carries (1, 2), which has to be the one that follows from it (`eventIdFor`). Else the
   * reference hash in that base64 alphabet.
   */
  readonly eventId: 'given' | 'base64' | 'base64url'
  /** `prev_events` and `auth_events` as `[id, hashes]` pairs (1, 2) or plain ids. */
  readonly eventReferences: 'pairs' | 'ids'
  /** Room ids name a server (1 to 11), or are the create event's id (12), which then carries no `room_id`. */
  readonly roomId: IdForm
  /** Signing keys count only within their validity (5 and up). Federation's key ring asks for it in every version. */
  readonly keyValidity: boolean
  /** What user ids may look like in events. */
  readonly userIds: UserIdGrammar
  /** Where `m.room.redaction` names its target: beside the content (1 to 10) or in it (11 and up). */
  readonly redacts: 'top-level' | 'content'
  readonly redaction: RedactionRules
  readonly auth: AuthRules
  readonly stateResolution: StateResolution
}
