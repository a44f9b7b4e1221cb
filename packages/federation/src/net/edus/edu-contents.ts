import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import { isJsonObject, parseEventId, parseRoomId, parseUserId } from '@starling/protocol'
import { netLimits } from '../limits.ts'
import type { Presence, PresenceState } from './presence.ts'
import type { Receipt } from './receipts.ts'

/** Contents of EDUs as in the server-server API; readers check a stranger's, writers make our own. */

export interface TypingContent {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly typing: boolean
}

export function readTyping(content: JsonObject): TypingContent | undefined {
  const roomId = parseRoomId(content.room_id)
  const userId = parseUserId(content.user_id)
  const { typing } = content
  return roomId && userId && typeof typing === 'boolean' ? { roomId, userId, typing } : undefined
}

export function typingEdu({ roomId, userId, typing }: TypingContent): JsonObject {
  return { edu_type: 'm.typing', content: { room_id: roomId, user_id: userId, typing } }
}

export interface ReceiptContent {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly eventId: EventId
  readonly ts: number
  readonly threadId: string | undefined
}

const MAX_RECEIPTS = 500
const MAX_THREAD_ID = 255

/** Every well-formed `m.read` receipt; the malformed are left out. */
export function readReceipts(content: JsonObject): readonly ReceiptContent[] {
  const receipts: ReceiptContent[] = []
  for (const [room, types] of Object.entries(content)) {
    const roomId = parseRoomId(room)
    const users = isJsonObject(types) && Object.hasOwn(types, 'm.read') ? types['m.read'] : undefined
    if (!roomId || !isJsonObject(users)) continue
    for (const [user, entry] of Object.entries(users)) {
      const receipt = readReceipt(roomId, user, entry)
      if (receipt) receipts.push(receipt)
      if (receipts.length >= MAX_RECEIPTS) return receipts
    }
  }
  return receipts
}

function readReceipt(roomId: RoomId, user: string, entry: unknown): ReceiptContent | undefined {
  if (!isJsonObject(entry) || !Array.isArray(entry.event_ids) || !isJsonObject(entry.data)) return undefined
  const userId = parseUserId(user)
  const eventId = parseEventId(entry.event_ids[0])
  const { ts, thread_id: thread } = entry.data
  if (!userId || !eventId || typeof ts !== 'number' || ts < 0) return undefined
  if (thread !== undefined && (typeof thread !== 'string' || thread === '' || thread.length > MAX_THREAD_ID)) {
    return undefined
  }
  return { roomId, userId, eventId, ts, threadId: thread }
}

export function receiptEdu(roomId: RoomId, receipt: Omit<Receipt, 'position' | 'type'>): JsonObject {
  const data = { ts: receipt.ts, ...(receipt.threadId === undefined ? {} : { thread_id: receipt.threadId }) }
  const entry = { event_ids: [receipt.eventId], data }
  return { edu_type: 'm.receipt', content: { [roomId]: { 'm.read': { [receipt.userId]: entry } } } }
}

const STATES: readonly string[] = ['online', 'unavailable', 'offline']

export function readPresence(content: JsonObject, now: number): readonly Omit<Presence, 'position'>[] {
  const push = Array.isArray(content.push) ? (content.push as readonly unknown[]) : []
  return push.slice(0, netLimits.edusPerBatch).flatMap((entry) => {
    if (!isJsonObject(entry)) return []
    const userId = parseUserId(entry.user_id)
    const { presence, status_msg: status, last_active_ago: ago, currently_active: active } = entry
    if (!userId || typeof presence !== 'string' || !STATES.includes(presence)) return []
    return [
      {
        userId,
        presence: presence as PresenceState,
        statusMsg: typeof status === 'string' ? status.slice(0, netLimits.statusChars) : undefined,
        lastActiveTs: typeof ago === 'number' && ago >= 0 ? Math.max(0, now - ago) : undefined,
        currentlyActive: active === true,
      },
    ]
  })
}

export function presenceEdu(presence: Omit<Presence, 'position'>, now: number): JsonObject {
  const { userId, statusMsg, lastActiveTs, currentlyActive } = presence
  return {
    edu_type: 'm.presence',
    content: {
      push: [
        {
          user_id: userId,
          presence: presence.presence,
          last_active_ago: Math.max(0, now - (lastActiveTs ?? now)),
          currently_active: currentlyActive,
          ...(statusMsg === undefined ? {} : { status_msg: statusMsg }),
        },
      ],
    },
  }
}

const MAX_MESSAGE_ID = 255
const MAX_TARGETS = 1_000

export interface ToDeviceContent {
  readonly sender: UserId
  readonly type: string
  readonly messageId: string
  readonly messages: { readonly [userId: string]: { readonly [deviceId: string]: JsonObject } }
}

export function readToDevice(content: JsonObject): ToDeviceContent | undefined {
  const sender = parseUserId(content.sender)
  const { type, message_id: messageId, messages } = content
  if (!sender || typeof type !== 'string' || type.length > 255 || !isJsonObject(messages)) return undefined
  if (typeof messageId !== 'string' || messageId === '' || messageId.length > MAX_MESSAGE_ID) return undefined
  let targets = 0
  for (const [user, devices] of Object.entries(messages)) {
    if (!parseUserId(user) || !isJsonObject(devices)) return undefined
    const contents = Object.values(devices)
    targets += contents.length
    if (targets > MAX_TARGETS || !contents.every(isJsonObject)) return undefined
  }
  return { sender, type, messageId, messages: messages as ToDeviceContent['messages'] }
}

export function toDeviceEdu(message: ToDeviceContent): JsonObject {
  const { sender, type, messageId, messages } = message
  return { edu_type: 'm.direct_to_device', content: { sender, type, message_id: messageId, messages } }
}
