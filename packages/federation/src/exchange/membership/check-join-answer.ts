import type { EventId, JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import { createIdOfRoom, roomVersionRules, stateSlot } from '@starling/protocol'
import type { CheckedPdu, RoomImport } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { asString } from '../wire/read-json.ts'

export interface SentJoin {
  readonly roomId: RoomId
  readonly roomVersion: string
  readonly resident: ServerName
  /** The join as this server signed it. */
  readonly event: CheckedPdu
  /** A restricted join: the answer has to hold the event with the resident's signature. */
  readonly restricted: boolean
}

export type CheckedJoinAnswer =
  | { readonly ok: true; readonly room: RoomImport }
  | { readonly ok: false; readonly reason: string }

/**
 * Checks what `send_join` answered (CVE-2019-18835, CVE-2022-39200): every event by itself, then that together they are a
 * state of this room. One bad event refuses the whole: a resident gives only what it has checked, so it is a liar
 * or broken, and another is asked. The auth rules of the whole are `importRoom`'s.
 */
export async function checkJoinAnswer(
  answer: JsonObject,
  sent: SentJoin,
  carrier: EventCarrier,
): Promise<CheckedJoinAnswer> {
  if (answer.members_omitted === true) return refuse('members were left out of the state')
  const state = await carrier.unpackList(answer.state, sent.roomVersion, limits.eventsPerState, sent.resident)
  const authChain = await carrier.unpackList(answer.auth_chain, sent.roomVersion, limits.eventsPerState, sent.resident)
  if (!state || !authChain) return refuse('state or auth_chain is no list, or too long')
  if (state.failed + authChain.failed > 0) {
    return refuse(`${state.failed + authChain.failed} events failed their checks`)
  }
  const event = await joinEvent(answer, sent, carrier)
  if (!event) return refuse('the join event did not come back with the signature of the resident server')
  const fault = faultOfState(state.events, authChain.events, event, sent)
  if (fault !== undefined) return refuse(fault)
  const { roomId, roomVersion } = sent
  const inState = new Set(state.events.map((one) => one.pdu.eventId))
  const chain = uniqueById(authChain.events).filter((one) => !inState.has(one.pdu.eventId))
  return { ok: true, room: { roomId, roomVersion, state: state.events, authChain: chain, event } }
}

/** The join as the resident let it in; of a restricted one that means with its signature. */
export async function joinEvent(
  answer: JsonObject,
  sent: SentJoin,
  carrier: EventCarrier,
): Promise<CheckedPdu | undefined> {
  if (!sent.restricted) return sent.event
  const result = await carrier.unpack(answer.event, sent.roomVersion, sent.resident)
  if (!result.ok || result.checked.redacted || result.checked.pdu.eventId !== sent.event.pdu.eventId) return undefined
  return result.checked
}

function faultOfState(
  state: readonly CheckedPdu[],
  authChain: readonly CheckedPdu[],
  event: CheckedPdu,
  sent: SentJoin,
): string | undefined {
  const known = new Map<EventId, Pdu>()
  for (const { pdu } of [...state, ...authChain]) {
    if (pdu.roomId !== sent.roomId) return 'an event is of another room'
    known.set(pdu.eventId, pdu)
  }
  const slots = new Set<string>()
  for (const { pdu } of state) {
    if (pdu.stateKey === undefined) return 'an event of the state is no state event'
    const slot = stateSlot(pdu.type, pdu.stateKey)
    if (slots.has(slot)) return 'two events hold the same place in the state'
    slots.add(slot)
  }
  const create = state.find(({ pdu }) => pdu.type === 'm.room.create' && pdu.stateKey === '')
  const createFault = create ? faultOfCreate(create.pdu, sent) : 'the state has no create event'
  if (createFault !== undefined) return createFault
  return faultOfAuthEvents([...known.values(), event.pdu], known)
}

function faultOfCreate(create: Pdu, sent: SentJoin): string | undefined {
  const version = create.content.room_version === undefined ? '1' : asString(create.content.room_version)
  if (version !== sent.roomVersion) return 'the create event names another room version than the template'
  const isHash = roomVersionRules(sent.roomVersion)?.roomId === 'hash'
  if (isHash && create.eventId !== createIdOfRoom(sent.roomId)) return 'the create event is not the one in the room id'
  return undefined
}

/** Every auth event of every event has to be there, else nobody could check the auth rules. */
function faultOfAuthEvents(events: readonly Pdu[], known: ReadonlyMap<EventId, Pdu>): string | undefined {
  for (const pdu of events) {
    if (pdu.authEvents.some((id) => !known.has(id))) return 'an auth event is missing'
  }
  return undefined
}

function uniqueById(events: readonly CheckedPdu[]): CheckedPdu[] {
  return [...new Map(events.map((one) => [one.pdu.eventId, one])).values()]
}

function refuse(reason: string): CheckedJoinAnswer {
  return { ok: false, reason }
}
