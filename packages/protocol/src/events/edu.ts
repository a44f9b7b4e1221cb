import type { EventId, RoomId, UserId } from '../ids/branded.ts'
import type { JsonObject } from '../json/value.ts'

/**
 * Ephemeral data units as they stand between servers (server-server API, "EDUs"). These are shapes to build and to check against:
 * a received EDU is an `EduJson` until its content has been looked at field by field.
 */
export interface EduJson extends JsonObject {
  readonly edu_type: string
  readonly content: JsonObject
}

export interface TypingEdu extends EduJson {
  readonly edu_type: 'm.typing'
  readonly content: { readonly room_id: RoomId; readonly user_id: UserId; readonly typing: boolean }
}

/** Room id → `m.read` → user id → the event read. */
export interface ReceiptEdu extends EduJson {
  readonly edu_type: 'm.receipt'
  readonly content: { readonly [roomId: string]: { readonly 'm.read': { readonly [userId: string]: ReceiptOfUser } } }
}

export interface ReceiptOfUser extends JsonObject {
  /** Exactly one. */
  readonly event_ids: readonly EventId[]
  /** `ts` in milliseconds since the Unix epoch; `thread_id` is `main` or a thread's root. */
  readonly data: { readonly ts: number; readonly thread_id?: string }
}

export interface PresenceEdu extends EduJson {
  readonly edu_type: 'm.presence'
  readonly content: { readonly push: readonly PresenceOfUser[] }
}

export interface PresenceOfUser extends JsonObject {
  readonly user_id: UserId
  readonly presence: 'online' | 'unavailable' | 'offline'
  readonly status_msg?: string
  /** Milliseconds. */
  readonly last_active_ago: number
  readonly currently_active?: boolean
}

/** `messages`: user id → device id or `*` → content. */
export interface DirectToDeviceEdu extends EduJson {
  readonly edu_type: 'm.direct_to_device'
  readonly content: {
    readonly sender: UserId
    readonly type: string
    /** At most 32 code points; unique per sender. */
    readonly message_id: string
    readonly messages: { readonly [userId: string]: { readonly [deviceId: string]: JsonObject } }
  }
}

export interface DeviceListUpdateEdu extends EduJson {
  readonly edu_type: 'm.device_list_update'
  readonly content: {
    readonly user_id: UserId
    readonly device_id: string
    readonly stream_id: number
    readonly prev_id?: readonly number[]
    readonly device_display_name?: string
    readonly deleted?: boolean
    readonly keys?: JsonObject
  }
}

export interface SigningKeyUpdateEdu extends EduJson {
  readonly edu_type: 'm.signing_key_update'
  readonly content: {
    readonly user_id: UserId
    readonly master_key?: JsonObject
    readonly self_signing_key?: JsonObject
  }
}

export type Edu = TypingEdu | ReceiptEdu | PresenceEdu | DirectToDeviceEdu | DeviceListUpdateEdu | SigningKeyUpdateEdu

/** The only check that all EDUs share: `edu_type` is a string, `content` an object. */
export function isEduJson(json: JsonObject): json is EduJson {
  return (
    typeof json.edu_type === 'string' &&
    typeof json.content === 'object' &&
    json.content !== null &&
    !Array.isArray(json.content)
  )
}
