import type { AbortOptions, EventId, ServerName, Sha256 } from '@starling/protocol'
import { parseEventId, stateSlot } from '@starling/protocol'
import type { CheckedPdu, RoomEngine, Verdict } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { type CrossCheckParts, crossCheck, isOutvoted } from '../membership/cross-check.ts'
import { digestIds } from '../wire/packed-ids.ts'
import { asArray } from '../wire/read-json.ts'
import type { EventFetcher, FetchRoom } from './fetch-events.ts'

/** Up to this many missing events are fetched one by one, else the whole state. */
const SINGLE_EVENTS = 20

export interface BridgeParts extends CrossCheckParts {
  readonly engine: RoomEngine
  readonly fetcher: EventFetcher
  readonly sha256: Sha256
  /** See `softFailReason`. */
  softFail(checked: CheckedPdu): Promise<string | undefined>
}

/**
 * Lets in an event whose parents nobody gives, by the state before it as a member reports it (`state_ids`, `state`). Every
 * event of that state is checked by itself, other members that have the event are asked whether they hold the same, and state
 * resolution keeps a false state from overriding the true one. Whatever comes of it is judged again when the parents have come.
 * Undefined where the server does not say, or more members say otherwise.
 */
export async function bridgeGap(
  parts: BridgeParts,
  server: ServerName,
  checked: CheckedPdu,
  options?: AbortOptions,
): Promise<Verdict | undefined> {
  const { pdu, roomVersion } = checked
  const room: FetchRoom = { roomId: pdu.roomId, roomVersion }
  const ids = await parts.fetcher.stateIds(server, room, pdu.eventId, options)
  const stateIds = readIds(ids?.pdu_ids)
  const authIds = readIds(ids?.auth_chain_ids)
  if (!stateIds || !authIds) return undefined
  const gathered =
    (await gatherKnown(parts, server, room, stateIds, authIds, options)) ??
    (await parts.fetcher.stateBefore(server, room, pdu.eventId, options))
  if (!gathered || !isStateOf(room, gathered.state)) return undefined
  if (await isDisputed(parts, server, checked, gathered.state, options)) return undefined
  const softFail = await parts.softFail(checked)
  return parts.engine.receiveWithState(checked, gathered.state, gathered.authChain, { softFail })
}

async function isDisputed(
  parts: BridgeParts,
  resident: ServerName,
  { pdu: { roomId, eventId } }: CheckedPdu,
  state: readonly CheckedPdu[],
  options?: AbortOptions,
): Promise<boolean> {
  const ids = state.map(({ pdu }) => pdu.eventId)
  const servers = await parts.engine.joinedServers(roomId)
  const claim = { roomId, eventId, digest: await digestIds(ids, parts.sha256), resident, servers }
  return isOutvoted(await crossCheck(parts, claim, options))
}

async function gatherKnown(
  parts: { readonly engine: RoomEngine; readonly fetcher: EventFetcher },
  server: ServerName,
  room: FetchRoom,
  stateIds: readonly EventId[],
  authIds: readonly EventId[],
  options?: AbortOptions,
): Promise<{ readonly state: readonly CheckedPdu[]; readonly authChain: readonly CheckedPdu[] } | undefined> {
  const all = [...new Set([...stateIds, ...authIds])]
  const stored = await parts.engine.events(all)
  const missing = all.filter((id) => !stored.has(id))
  if (missing.length > SINGLE_EVENTS) return undefined
  const events = new Map<EventId, CheckedPdu>()
  for (const [id, { pdu, roomVersion, incomplete = false }] of stored) {
    events.set(id, { pdu, roomVersion, redacted: incomplete })
  }
  for (const id of missing) {
    const event = await parts.fetcher.event(server, room, id, options)
    if (event) events.set(id, event)
  }
  const state = stateIds.flatMap((id) => events.get(id) ?? [])
  const authChain = authIds.flatMap((id) => events.get(id) ?? [])
  return state.length === stateIds.length && authChain.length === authIds.length ? { state, authChain } : undefined
}

/** One event per place, state events of this room all, the create event among them. */
function isStateOf(room: FetchRoom, state: readonly CheckedPdu[]): boolean {
  const slots = new Set<string>()
  for (const { pdu } of state) {
    if (pdu.stateKey === undefined || pdu.roomId !== room.roomId) return false
    slots.add(stateSlot(pdu.type, pdu.stateKey))
  }
  return slots.size === state.length && slots.has(stateSlot('m.room.create', ''))
}

function readIds(value: unknown): readonly EventId[] | undefined {
  const list = asArray(value)
  if (!list || list.length > limits.eventsPerState) return undefined
  const ids = list.map((id) => parseEventId(id))
  return ids.every((id) => id !== undefined) ? (ids as EventId[]) : undefined
}
