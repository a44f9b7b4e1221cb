import {
  isJsonObject,
  type JsonObject,
  parseStrippedState,
  type RoomId,
  type UserId,
  withoutKeys,
} from '@starling/protocol'
import type { RoomReader } from '../../ports.ts'
import { objectIn, stringIn } from '../../rooms/content.ts'
import type { OwnedPusher } from '../pushers.ts'
import type { QueuedPush } from './push-queue.ts'

export interface NotificationSources {
  readonly reader: Pick<RoomReader, 'event' | 'membership' | 'roomVersion' | 'stateEvent'>
}

/** What the gateway is told of an event beyond its id. */
interface Described {
  readonly type: string
  readonly sender: string
  readonly content: JsonObject
  readonly stateKey: string | undefined
  readonly stateOf: StateOf
}

/** Content of the room's current state; of a room not entered, of what came with the invite. */
type StateOf = (type: string, stateKey: string) => Promise<JsonObject | undefined>

/**
 * The body of `POST /_matrix/push/v1/notify` (Push Gateway API, "Homeserver behaviour"); undefined where there is nothing to
 * tell of any more: the event was redacted, the invite was answered. With format `event_id_only` nothing of the event but
 * its id leaves the node.
 */
export async function gatewayNotification(
  sources: NotificationSources,
  { userId, pusher, setAt }: OwnedPusher,
  push: QueuedPush,
  unread: number,
): Promise<JsonObject | undefined> {
  const described = await describe(sources, userId, push)
  if (!described) return undefined
  const data = isJsonObject(pusher.data) ? pusher.data : {}
  const idOnly = data.format === 'event_id_only'
  const device = {
    app_id: pusher.app_id,
    pushkey: pusher.pushkey,
    pushkey_ts: Math.floor(setAt / 1000),
    data: withoutKeys(data, 'url'),
  }
  const told = {
    event_id: push.eventId,
    room_id: push.roomId,
    prio: Object.keys(push.tweaks).length > 0 ? 'high' : 'low',
    counts: { unread },
  }
  if (idOnly) return { notification: { ...told, devices: [device] } }
  const further = await namesIn(described)
  const { type, sender, content, stateKey } = described
  const isTarget: JsonObject = type === 'm.room.member' ? { user_is_target: stateKey === userId } : {}
  const devices = [{ ...device, tweaks: push.tweaks }]
  return { notification: { ...told, type, sender, content, ...isTarget, ...further, devices } }
}

async function describe(
  { reader }: NotificationSources,
  userId: UserId,
  push: QueuedPush,
): Promise<Described | undefined> {
  const { roomId, eventId } = push
  if (push.kind === 'event') {
    const event = await reader.event(roomId, eventId)
    if (!event || event.redactedBecause) return undefined
    const { type, sender, content, stateKey } = event.pdu
    return { type, sender, content, stateKey, stateOf: currentState(reader, roomId) }
  }
  const row = await reader.membership(roomId, userId)
  if (row?.membership !== 'invite' || row.eventId !== eventId) return undefined
  const stripped = parseStrippedState(row.strippedState)
  const given: StateOf = async (type, stateKey) =>
    objectIn(
      stripped.find((event) => event.type === type && event.state_key === stateKey),
      'content',
    )
  // With an invite into a room of this server's own no state comes: it is the room's.
  const isHere = stripped.length === 0 && (await reader.roomVersion(roomId)) !== undefined
  const stateOf = isHere ? currentState(reader, roomId) : given
  return { type: 'm.room.member', sender: row.sender, content: { membership: 'invite' }, stateKey: userId, stateOf }
}

function currentState(reader: NotificationSources['reader'], roomId: RoomId): StateOf {
  return async (type, stateKey) => (await reader.stateEvent(roomId, type, stateKey))?.pdu.content
}

/** `sender_display_name`, `room_name`, `room_alias`, each where there is one. */
async function namesIn({ sender, stateOf }: Described): Promise<JsonObject> {
  const names = {
    sender_display_name: stringIn(await stateOf('m.room.member', sender), 'displayname'),
    room_name: stringIn(await stateOf('m.room.name', ''), 'name'),
    room_alias: stringIn(await stateOf('m.room.canonical_alias', ''), 'alias'),
  }
  return Object.fromEntries(Object.entries(names).filter(([, name]) => name !== undefined)) as JsonObject
}
