import { type JsonObject, parseRoomId, type RoomId, type UserId } from '@starling/protocol'
import { z } from 'zod'
import { checkInput, integerQuery } from '../http/check-input.ts'
import type { Call } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { Position } from '../ports.ts'
import { RequiredState } from './required-state.ts'
import type { RoomConfig } from './sent-room.ts'

/** Longest wait of a long-poll, in ms, as for /sync. */
const MAX_TIMEOUT_MS = 90_000
/** The MSC's bound; and own ones, so that what is checked for each room is not at a client's mercy. */
const MAX_LISTS = 100
const MAX_SUBSCRIPTIONS = 1_000
const MAX_ENTRIES = 1_000
const MAX_RANGES = 100
/** Larger wishes are cut down to this, as the MSC allows. */
const MAX_TIMELINE = 100
const MAX_TO_DEVICE = 100

const text = z.string().max(255)
const texts = z.array(text).max(MAX_ENTRIES)
const roomTypes = z.array(text.nullable()).max(MAX_ENTRIES)
const index = z.number().int().min(0)

const roomConfig = z.looseObject({
  timeline_limit: z.number().int().min(0).default(0),
  required_state: z
    .array(z.tuple([text, text]))
    .max(MAX_ENTRIES)
    .default([]),
})

const listFilter = z.looseObject({
  is_dm: z.boolean().nullish(),
  spaces: texts.nullish(),
  is_encrypted: z.boolean().nullish(),
  is_invite: z.boolean().nullish(),
  is_invited: z.boolean().nullish(),
  room_types: roomTypes.nullish(),
  not_room_types: roomTypes.nullish(),
  room_name_like: text.nullish(),
  tags: texts.nullish(),
  not_tags: texts.nullish(),
})

const extension = z.looseObject({ enabled: z.boolean().nullish() })
const roomExtension = extension.extend({ lists: texts.nullish(), rooms: texts.nullish() })

const requestBody = z.looseObject({
  conn_id: text.optional(),
  txn_id: text.optional(),
  pos: text.optional(),
  timeout: z.number().int().optional(),
  lists: z
    .record(
      text,
      roomConfig.extend({
        ranges: z
          .array(z.tuple([index, index]))
          .max(MAX_RANGES)
          .nullish(),
        filters: listFilter.nullish(),
      }),
    )
    .optional(),
  room_subscriptions: z.record(text, roomConfig).optional(),
  extensions: z
    .looseObject({
      to_device: extension.extend({ limit: z.number().int().min(1).nullish(), since: text.nullish() }).nullish(),
      e2ee: extension.nullish(),
      account_data: roomExtension.nullish(),
      receipts: roomExtension.nullish(),
      typing: roomExtension.nullish(),
    })
    .nullish(),
})

type Body = z.output<typeof requestBody>
export type ListFilter = z.output<typeof listFilter>

export interface SlidingList {
  readonly name: string
  readonly config: RoomConfig
  /** Inclusive; undefined is the whole list. */
  readonly ranges: readonly (readonly [from: number, to: number])[] | undefined
  readonly filter: ListFilter | undefined
}

/** Which rooms an extension is about: undefined is all of its kind. `*` stands for all as well. */
export interface ExtensionScope {
  readonly lists: ReadonlySet<string> | undefined
  readonly rooms: ReadonlySet<string> | undefined
}

export interface ToDeviceRequest {
  readonly limit: number
  /** Messages up to here have been handled by the client; undefined where it has had none. */
  readonly since: Position | undefined
}

/** A checked request. Extensions that are not enabled are undefined. */
export interface SlidingRequest {
  readonly connId: string
  readonly pos: string | undefined
  readonly txnId: string | undefined
  readonly timeoutMs: number
  readonly lists: readonly SlidingList[]
  readonly subscriptions: ReadonlyMap<RoomId, RoomConfig>
  readonly toDevice: ToDeviceRequest | undefined
  readonly e2ee: boolean
  readonly accountData: ExtensionScope | undefined
  readonly receipts: ExtensionScope | undefined
  readonly typing: ExtensionScope | undefined
}

/**
 * The body as today's clients send it to the unstable path, with `pos` and `timeout` in the query; those two are taken from the
 * body as well, where the MSC's last version has them. @throws MatrixError 400
 */
export function parseSlidingRequest(call: Call, now: Position): SlidingRequest {
  const body = checkInput(requestBody, call.body)
  const { userId } = call.requester
  const { to_device: toDevice, ...extensions } = body.extensions ?? {}
  const pos = call.query.pos ?? body.pos
  return {
    connId: body.conn_id ?? '',
    pos: pos === '' ? undefined : pos,
    txnId: body.txn_id,
    timeoutMs: timeoutOf(call, body),
    lists: listsOf(body, userId),
    subscriptions: subscriptionsOf(body, userId),
    toDevice: toDevice?.enabled
      ? { limit: Math.min(toDevice.limit ?? MAX_TO_DEVICE, MAX_TO_DEVICE), since: toDeviceSince(toDevice.since, now) }
      : undefined,
    e2ee: extensions.e2ee?.enabled === true,
    accountData: scopeOf(extensions.account_data),
    receipts: scopeOf(extensions.receipts),
    typing: scopeOf(extensions.typing),
  }
}

function timeoutOf(call: Call, body: Body): number {
  const bounds = { min: 0, max: MAX_TIMEOUT_MS, fallback: 0 }
  if (call.query.timeout !== undefined) return integerQuery(call.query, 'timeout', bounds)
  return Math.min(bounds.max, Math.max(bounds.min, body.timeout ?? bounds.fallback))
}

function listsOf(body: Body, userId: UserId): SlidingList[] {
  const lists = Object.entries(body.lists ?? {})
  if (lists.length > MAX_LISTS) throw new MatrixError(400, 'M_INVALID_PARAM', `More than ${MAX_LISTS} lists`)
  return lists.map(([name, list]) => ({
    name,
    config: configOf(list, userId),
    ranges: list.ranges ?? undefined,
    filter: list.filters ?? undefined,
  }))
}

/** What is no room id names no room, and is ignored as an unknown room is. */
function subscriptionsOf(body: Body, userId: UserId): Map<RoomId, RoomConfig> {
  const subscriptions = Object.entries(body.room_subscriptions ?? {})
  if (subscriptions.length > MAX_SUBSCRIPTIONS) {
    throw new MatrixError(400, 'M_INVALID_PARAM', `More than ${MAX_SUBSCRIPTIONS} room subscriptions`)
  }
  return new Map(
    subscriptions.flatMap(([id, config]) => {
      const roomId = parseRoomId(id)
      return roomId ? [[roomId, configOf(config, userId)] as const] : []
    }),
  )
}

function configOf(config: z.output<typeof roomConfig>, userId: UserId): RoomConfig {
  return {
    timelineLimit: Math.min(config.timeline_limit, MAX_TIMELINE),
    requiredState: RequiredState.of(config.required_state, userId),
  }
}

function scopeOf(extension: z.output<typeof roomExtension> | null | undefined): ExtensionScope | undefined {
  if (!extension?.enabled) return undefined
  return { lists: namesOf(extension.lists), rooms: namesOf(extension.rooms) }
}

function namesOf(names: readonly string[] | null | undefined): ReadonlySet<string> | undefined {
  return !names || names.includes('*') ? undefined : new Set(names)
}

const TO_DEVICE_TOKEN = /^d(0|[1-9]\d{0,15})$/

export function formatToDeviceToken(position: Position): string {
  return `d${position}`
}

function toDeviceSince(token: string | null | undefined, now: Position): Position | undefined {
  if (token === undefined || token === null || token === '') return undefined
  const position = Number(TO_DEVICE_TOKEN.exec(token)?.[1] ?? Number.NaN)
  if (!(position <= now)) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a token of this server: to_device.since')
  return position
}

/** What the answer repeats of the request. */
export function echoOf(request: SlidingRequest): JsonObject {
  return request.txnId === undefined ? {} : { txn_id: request.txnId }
}
