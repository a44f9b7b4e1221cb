import type { JsonObject, Pdu, RoomId } from '@starling/protocol'
import { createIdOfRoom, roomVersionRules, STRIPPED_STATE_TYPES, stateSlot, strippedState } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { asArray, asObject, asString } from '../wire/read-json.ts'

/**
 * What an invited or knocking user is shown of the room: events of the current state in the room version's format, the
 * create event first. With `member` that user's member event too: the inviter's name and picture.
 */
export async function roomStateToShow(engine: RoomEngine, roomId: RoomId, member?: string): Promise<readonly Pdu[]> {
  const state = await engine.currentState(roomId)
  const slots = STRIPPED_STATE_TYPES.map((type) => stateSlot(type, ''))
  if (member !== undefined) slots.push(stateSlot('m.room.member', member))
  const ids = slots.flatMap((slot) => state.get(slot) ?? [])
  const events = await engine.events(ids)
  return ids.flatMap((id) => events.get(id)?.pdu ?? [])
}

export interface ShownState {
  /** Only `type`, `state_key`, `sender` and `content` of each. */
  readonly stripped: readonly JsonObject[]
  /** A create event of this very room is among them. */
  readonly hasCreate: boolean
  /** Entries that were left out because they are malformed, forged, of another room or beyond the bounds. */
  readonly dropped: number
}

/**
 * Takes `invite_room_state` or `knock_room_state` from a stranger (CVE-2023-32323, CVE-2024-52815): every entry has to be
 * a validly signed state event of this room; the rest is left out, and so is what exceeds the bounds.
 * Room versions up to 11 let older servers send stripped events without signatures: these are taken for their four
 * fields, where these are of the right types.
 */
export async function takeShownState(
  value: unknown,
  roomId: RoomId,
  roomVersion: string,
  carrier: EventCarrier,
): Promise<ShownState> {
  const list = asArray(value) ?? []
  const lenient = roomVersionRules(roomVersion)?.roomId !== 'hash'
  const stripped: JsonObject[] = []
  let hasCreate = false
  let chars = 0
  for (const entry of list.slice(0, limits.strippedEvents)) {
    const event = await takeEntry(entry, roomId, roomVersion, carrier, lenient)
    if (!event) continue
    chars += JSON.stringify(event).length
    if (chars > limits.strippedChars) break
    if (event.type === 'm.room.create' && event.state_key === '') hasCreate = true
    stripped.push(event)
  }
  return { stripped, hasCreate, dropped: list.length - stripped.length }
}

async function takeEntry(
  entry: unknown,
  roomId: RoomId,
  roomVersion: string,
  carrier: EventCarrier,
  lenient: boolean,
): Promise<JsonObject | undefined> {
  const json = asObject(entry)
  if (!json) return undefined
  if (json.hashes === undefined && json.signatures === undefined) return lenient ? fourFields(json) : undefined
  const result = await carrier.unpack(json, roomVersion, undefined, { keep: false })
  if (!result.ok) return undefined
  const { pdu } = result.checked
  if (pdu.roomId !== roomId || pdu.stateKey === undefined) return undefined
  if (!lenient && pdu.type === 'm.room.create' && pdu.eventId !== createIdOfRoom(roomId)) return undefined
  return strippedState(pdu)
}

function fourFields(json: JsonObject): JsonObject | undefined {
  const type = asString(json.type)
  const stateKey = asString(json.state_key)
  const sender = asString(json.sender)
  const content = asObject(json.content)
  if (type === undefined || stateKey === undefined || sender === undefined || !content) return undefined
  return { type, state_key: stateKey, sender, content }
}
