import type { EventId, RoomVersionRules, Sha256 } from '@starling/protocol'
import { breathe } from '../../breathe.ts'

/** Bytes of an event id that is a hash, from room version 3 on. */
const HASH_BYTES = 32
/** Ids digested between two turns of the event loop. */
const SLICE = 10_000

const utf8 = new TextEncoder()

/** True where ids are hashes: only those can be packed, and only those prove by themselves what they name. */
export function hasHashIds(rules: RoomVersionRules): boolean {
  return rules.eventId !== 'given'
}

/** Ids that are hashes as one base64 text of 43 characters each and no punctuation. */
export function packIds(ids: readonly EventId[]): string {
  const bytes = Buffer.allocUnsafe(ids.length * HASH_BYTES)
  for (const [index, id] of ids.entries()) bytes.write(id.slice(1), index * HASH_BYTES, HASH_BYTES, 'base64')
  return bytes.toString('base64url')
}

/** The inverse, in the alphabet of the room version. Undefined where the text is none, or holds more than `max` ids. */
export function unpackIds(text: unknown, rules: RoomVersionRules, max: number): EventId[] | undefined {
  if (typeof text !== 'string' || !/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length % HASH_BYTES !== 0 || bytes.length > max * HASH_BYTES) return undefined
  const alphabet = rules.eventId === 'base64' ? 'base64' : 'base64url'
  const ids: EventId[] = []
  for (let at = 0; at < bytes.length; at += HASH_BYTES) {
    ids.push(`$${bytes.toString(alphabet, at, at + HASH_BYTES).slice(0, 43)}` as EventId)
  }
  return ids
}

/** A digest of a set of ids, whatever their order: SHA-256 over the sorted ids, in base64. */
export async function digestIds(ids: Iterable<EventId>, sha256: Sha256): Promise<string> {
  // Sorted by first character and then within, so that a hundred thousand ids do not hold everything up.
  const groups = new Map<string, EventId[]>()
  let count = 0
  for (const id of ids) {
    const group = groups.get(id.slice(1, 2))
    if (group) group.push(id)
    else groups.set(id.slice(1, 2), [id])
    if (++count % SLICE === 0) await breathe()
  }
  const texts: string[] = []
  let sorted = 0
  for (const key of [...groups.keys()].sort()) {
    const group = groups.get(key) ?? []
    texts.push(group.sort().join(' '))
    sorted += group.length
    if (sorted <= SLICE) continue
    sorted = 0
    await breathe()
  }
  return Buffer.from(sha256(utf8.encode(texts.join(' ')))).toString('base64url')
}
