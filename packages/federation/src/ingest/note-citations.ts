import { type EventId, type Pdu, stateSlot } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { Bucket } from '../store/buckets.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { decodeKey, encodeKey } from '../store/key-encoding.ts'
import { type CitationRow, type RoomNumber, tables } from '../store/tables.ts'

/**
 * Notes which events a state event names as its auth events, so that what stands on an event is found without walking the
 * auth chains of a whole room. Events that authorise nearly everything, in a room that is taken in as a whole (`whole`), get
 * no such notes: a row per member and power levels event would double what a join writes.
 *
 * `known`: what is stored of the event already; looked up where the caller did not.
 *
 * @returns what the event's own row says of notes about it
 */
export async function noteCitations(
  pdu: Pdu,
  room: RoomNumber,
  transaction: RoomTransaction,
  { whole = false, ...looked }: { readonly whole?: boolean; readonly known?: StoredEvent | undefined } = {},
): Promise<{ readonly tracked?: true }> {
  if (pdu.stateKey === undefined) return {}
  const known = 'known' in looked ? looked.known : await transaction.event(pdu.eventId)
  if (known) return known.tracked ? { tracked: true } : {}
  const tracked = pdu.type !== 'm.room.create' && (!whole || pdu.type === 'm.room.member')
  const row: CitationRow = { slot: stateSlot(pdu.type, pdu.stateKey), tracked }
  for (const [eventId, auth] of await transaction.events(pdu.authEvents)) {
    if (auth.tracked) transaction.write(tables.citation.put([room, eventId, pdu.eventId], row))
  }
  return tracked ? { tracked: true } : {}
}

/** The noted events that name this one as an auth event. */
export async function citationsOf(
  eventId: EventId,
  transaction: RoomTransaction,
): Promise<readonly (CitationRow & { readonly eventId: EventId })[]> {
  const rows = await transaction.valuesUnder(encodeKey(Bucket.citation, [transaction.requireHead().number, eventId]))
  return [...rows].map(([key, value]) => ({
    ...(JSON.parse(Buffer.from(value).toString('utf8')) as CitationRow),
    eventId: decodeKey(Buffer.from(key, 'latin1'), ['int', 'text', 'text'])[2] as EventId,
  }))
}
