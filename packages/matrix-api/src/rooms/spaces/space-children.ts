import {
  type JsonObject,
  type Pdu,
  parseRoomId,
  parseServerName,
  type RoomId,
  type ServerName,
} from '@starling/protocol'
import { arrayIn, asObject, numberIn, objectIn, stringIn } from '../content.ts'

/** `m.space.child` as `GET /hierarchy` gives it: stripped, with the time at which it was made. */
export interface SpaceChild {
  readonly roomId: RoomId
  readonly via: readonly ServerName[]
  readonly suggested: boolean
  readonly order: string | undefined
  readonly originServerTs: number
  readonly json: JsonObject
}

/** Servers of one child that are asked at most. */
const MAX_VIA = 5
const ORDER = /^[\x20-\x7e]{1,50}$/

/** The child that an `m.space.child` event of this node's state names; undefined where `via` is missing: it is none then. */
export function childOfEvent(pdu: Pdu): SpaceChild | undefined {
  const { type, stateKey = '', sender, content, originServerTs } = pdu
  return parseChild({ type, state_key: stateKey, sender, content, origin_server_ts: originServerTs })
}

/** The same from another server's answer, which may hold anything. */
export function parseChild(json: JsonObject): SpaceChild | undefined {
  const content = objectIn(json, 'content')
  const sender = stringIn(json, 'sender')
  const roomId = parseRoomId(json.state_key)
  if (stringIn(json, 'type') !== 'm.space.child' || !content || !roomId || sender === undefined) return undefined
  const via = (arrayIn(content, 'via') ?? []).flatMap((server) => parseServerName(server) ?? [])
  if (via.length === 0) return undefined
  const order = stringIn(content, 'order')
  const originServerTs = numberIn(json, 'origin_server_ts') ?? 0
  return {
    roomId,
    via: via.slice(0, MAX_VIA),
    suggested: content.suggested === true,
    order: order !== undefined && ORDER.test(order) ? order : undefined,
    originServerTs,
    json: { type: 'm.space.child', state_key: roomId, sender, content, origin_server_ts: originServerTs },
  }
}

export function parseChildren(values: readonly unknown[]): SpaceChild[] {
  return values.flatMap((value) => {
    const json = asObject(value)
    return (json && parseChild(json)) ?? []
  })
}

/** Client-Server API, "Ordering of children within a space": by `order`, those without it last; then by time, then by room id. */
export function inSpaceOrder(children: readonly SpaceChild[]): SpaceChild[] {
  return [...children].sort(
    (a, b) =>
      Number(a.order === undefined) - Number(b.order === undefined) ||
      compare(a.order ?? '', b.order ?? '') ||
      a.originServerTs - b.originServerTs ||
      compare(a.roomId, b.roomId),
  )
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
