import {
  type Crypto,
  checkAuth,
  encodeBase64Url,
  eventTemplate,
  type JsonObject,
  type Pdu,
  type PduDraft,
  type RandomBytes,
  type RoomId,
  type RoomVersionRules,
  roomVersionRules,
  SUPPORTED_VERSIONS,
  serverOf,
  type UserId,
} from '@starling/protocol'
import { newRoomHead } from '../ingest/import-room.ts'
import { placeEvent } from '../ingest/place-event.ts'
import { EMPTY_STATE } from '../state/state-store.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import { finishEvent } from './finish-event.ts'
import { type LocalEvent, type LocalEventParts, placeLocalEvent } from './local-events.ts'
import { RoomError } from './room-error.ts'
import type { RoomTransaction } from './room-transaction.ts'

/** What `Rooms.create` is asked for (matrix-api's `CreateRoom`). */
export interface RoomCreation {
  readonly creator: UserId
  readonly roomVersion: string
  /** Content of `m.room.create` beyond `room_version` and, up to version 10, `creator`. */
  readonly creationContent: JsonObject
  /**
   * In order, after the create event and the creator's join. If the first is the creator's own join it takes that one's
   * place, so that a display name can be in it.
   */
  readonly events: readonly Omit<LocalEvent, 'sender'>[]
}

/** Random bytes of a room id in versions 1 to 11, which name a room by its server and an opaque part. */
const OPAQUE_BYTES = 18

/**
 * The signed create event. From version 12 on its hash is the room's id, so `at` (milliseconds since the Unix epoch) must
 * be another for each room: two rooms of one user and one millisecond would otherwise be one.
 *
 * @throws RoomError `unsupported-room-version`, `forbidden`, `bad-content`, `too-large`
 */
export function makeCreateEvent(
  creation: RoomCreation,
  at: number,
  parts: LocalEventParts,
  randomBytes: RandomBytes,
): Pdu {
  const { creator, roomVersion, creationContent } = creation
  const rules = Object.hasOwn(SUPPORTED_VERSIONS, roomVersion) ? roomVersionRules(roomVersion) : undefined
  if (!rules) throw new RoomError('unsupported-room-version', `room version ${roomVersion} is not supported`)
  if (serverOf(creator) !== parts.keys.serverName) throw new RoomError('forbidden', 'not a user of this server')
  const draft: PduDraft = {
    type: 'm.room.create',
    sender: creator,
    stateKey: '',
    content: {
      ...creationContent,
      ...(rules.auth.creator === 'content' ? { creator } : {}),
      room_version: roomVersion,
    },
    prevEvents: [],
    authEvents: [],
    depth: 1,
    originServerTs: at,
    ...(rules.roomId === 'hash' ? {} : { roomId: opaqueRoomId(parts, randomBytes) }),
  }
  return finishEvent(eventTemplate(draft, rules), rules, parts.keys, parts.crypto.sha256)
}

/** Fills a new room: create event, creator's join and the rest, each authorised on top of the one before, in one batch. */
export async function fillRoom(
  create: Pdu,
  creation: RoomCreation,
  transaction: RoomTransaction,
  registry: RoomRegistry,
  parts: LocalEventParts,
): Promise<void> {
  if (transaction.head) throw new Error('a new room has the id of one that is there')
  const rules = roomVersionRules(creation.roomVersion) as RoomVersionRules
  const verdict = checkAuth(create, () => undefined, rules, { ed25519: parts.ed25519 })
  if (!verdict.allowed) throw new RoomError('bad-content', verdict.reason)
  const { row, operations } = registry.register(transaction.roomId, creation.roomVersion)
  transaction.write(...operations)
  transaction.head = newRoomHead(transaction, row.number, rules)
  await placeEvent({ pdu: create, before: EMPTY_STATE, status: 'accepted', fresh: true }, transaction, parts)
  const { creator, events } = creation
  const [first, ...rest] = events
  const givesJoin = first !== undefined && isOwnJoin(first, creator)
  const join = givesJoin ? first : { type: 'm.room.member', stateKey: creator, content: { membership: 'join' } }
  for (const event of [join, ...(givesJoin ? rest : events)]) {
    await placeLocalEvent({ ...event, sender: creator }, transaction, parts)
  }
}

function isOwnJoin(event: Omit<LocalEvent, 'sender'>, creator: UserId): boolean {
  return event.type === 'm.room.member' && event.stateKey === creator && event.content.membership === 'join'
}

function opaqueRoomId(
  { keys }: { readonly keys: LocalEventParts['keys']; readonly crypto: Crypto },
  randomBytes: RandomBytes,
): RoomId {
  return `!${encodeBase64Url(randomBytes(OPAQUE_BYTES))}:${keys.serverName}` as RoomId
}
