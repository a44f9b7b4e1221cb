import type { EventId, JsonObject, RoomId, RoomVersionRules, ServerName, UserId } from '@starling/protocol'
import {
  eventTemplate,
  MAX_AUTH_EVENTS,
  MAX_PREV_EVENTS,
  parseEventId,
  parseUserId,
  roomVersionRules,
  serverOf,
} from '@starling/protocol'
import { asArray, asInteger, asObject, asString } from '../wire/read-json.ts'

export type HandshakeMembership = 'join' | 'knock' | 'leave'

/** What was asked for with `make_join`, `make_knock` or `make_leave`. */
export interface TemplateRequest {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly membership: HandshakeMembership
  /** The server that gave the template. */
  readonly resident: ServerName
  /** Room versions that this server takes part in. */
  readonly versions: readonly string[]
}

/** All that is ever used of a template (DESIGN section 3; CVE-2026-24471). */
export interface TemplateFields {
  readonly roomVersion: string
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** Room versions 1 and 2: event id → reference hash, for both lists. Empty in all others. */
  readonly referenceHashes: ReadonlyMap<EventId, string>
  readonly depth: number
  /** A user of the resident server, for restricted rooms. */
  readonly authorisedBy: UserId | undefined
}

export type TemplateResult =
  | { readonly ok: true; readonly fields: TemplateFields }
  | { readonly ok: false; readonly reason: string; readonly roomVersion?: string }

/**
 * Reads a template from a stranger. The spec's checks ("Joining Rooms": `type`, `room_id`, `sender`, `state_key` and
 * `content.membership` are what was asked for) throw out a liar early; what goes into the event are the fields alone.
 */
export function readTemplate(answer: JsonObject, request: TemplateRequest): TemplateResult {
  const roomVersion = asString(answer.room_version)
  if (roomVersion === undefined || !request.versions.includes(roomVersion)) {
    return { ok: false, reason: 'the room version is not supported here', roomVersion: roomVersion ?? '1' }
  }
  const event = asObject(answer.event)
  const content = asObject(event?.content)
  if (!event || !content) return { ok: false, reason: 'the template is no event' }
  const rules = roomVersionRules(roomVersion)
  if (!rules) return { ok: false, reason: 'the room version is not known here', roomVersion }
  if (rules.roomId === 'hash' && request.roomId.includes(':'))
    return { ok: false, reason: 'the room id is of another version' }
  const asked =
    event.type === 'm.room.member' &&
    event.room_id === request.roomId &&
    event.sender === request.userId &&
    event.state_key === request.userId &&
    content.membership === request.membership
  if (!asked) return { ok: false, reason: 'the template is for something else than what was asked for' }
  const referenceHashes = new Map<EventId, string>()
  const prevEvents = readReferences(event.prev_events, MAX_PREV_EVENTS, rules, referenceHashes)
  const authEvents = readReferences(event.auth_events, MAX_AUTH_EVENTS, rules, referenceHashes)
  const depth = asInteger(event.depth, 1)
  if (!prevEvents || !authEvents || depth === undefined) {
    return { ok: false, reason: 'prev_events, auth_events or depth are malformed' }
  }
  const authorised = readAuthoriser(content, request)
  if (!authorised.ok) return authorised
  const authorisedBy = authorised.user
  return { ok: true, fields: { roomVersion, prevEvents, authEvents, referenceHashes, depth, authorisedBy } }
}

/** The event that this server signs: everything but the five fields is its own. */
export function membershipFromTemplate(
  fields: TemplateFields,
  request: Pick<TemplateRequest, 'roomId' | 'userId' | 'membership'>,
  ownContent: JsonObject,
  now: number,
): JsonObject {
  const rules = roomVersionRules(fields.roomVersion)
  if (!rules) throw new RangeError(`room version ${fields.roomVersion} is unknown`)
  return eventTemplate(
    {
      type: 'm.room.member',
      sender: request.userId,
      roomId: request.roomId,
      stateKey: request.userId,
      content: {
        ...ownContent,
        membership: request.membership,
        ...(fields.authorisedBy ? { join_authorised_via_users_server: fields.authorisedBy } : {}),
      },
      prevEvents: fields.prevEvents,
      authEvents: fields.authEvents,
      referenceHashes: fields.referenceHashes,
      depth: fields.depth,
      originServerTs: now,
    },
    rules,
  )
}

/** One to `max` references, each to another event, in the form of the room version; hashes go to `hashes`. */
function readReferences(
  value: unknown,
  max: number,
  rules: RoomVersionRules,
  hashes: Map<EventId, string>,
): readonly EventId[] | undefined {
  const list = asArray(value)
  if (!list || list.length < 1 || list.length > max) return undefined
  const read = rules.eventReferences === 'ids' ? (id: unknown) => parseEventId(id, 'hash') : readPair
  const ids = list.map((reference) => read(reference, hashes))
  if (ids.some((id) => id === undefined) || new Set(ids).size !== ids.length) return undefined
  return ids as EventId[]
}

/** `[event id, {sha256}]`; other hashes, which nobody asks for, are left out. */
function readPair(pair: unknown, hashes: Map<EventId, string>): EventId | undefined {
  const [name, given, ...more] = asArray(pair) ?? []
  const eventId = parseEventId(name, 'domain')
  const sha256 = asString(asObject(given)?.sha256)
  if (eventId === undefined || sha256?.length !== SHA256_CHARACTERS || more.length > 0) return undefined
  hashes.set(eventId, sha256)
  return eventId
}

/** 32 bytes in unpadded base64. */
const SHA256_CHARACTERS = 43

/** Only the resident can sign for the user who lets us in, so it has to be one of its own. */
function readAuthoriser(
  content: JsonObject,
  request: TemplateRequest,
): { readonly ok: true; readonly user: UserId | undefined } | { readonly ok: false; readonly reason: string } {
  const value = content.join_authorised_via_users_server
  if (value === undefined || request.membership !== 'join') return { ok: true, user: undefined }
  const user = parseUserId(value)
  if (!user || serverOf(user) !== request.resident) {
    return { ok: false, reason: 'join_authorised_via_users_server is no user of the resident server' }
  }
  return { ok: true, user }
}
