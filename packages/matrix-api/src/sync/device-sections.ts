import type { JsonObject } from '@starling/protocol'
import type { Position } from '../ports.ts'
import type { SyncContext } from './context.ts'

/** To-device messages per answer (Client-Server API, "Send-to-Device messaging"); the rest follows with the next sync. */
const MAX_TO_DEVICE = 100

export interface ToDeviceSection {
  readonly json: JsonObject | undefined
  /** Up to where messages were given: the window's end unless a page was full. */
  readonly upTo: Position
}

export async function toDeviceSection({ sources, requester, since, to }: SyncContext): Promise<ToDeviceSection> {
  const { userId, deviceId } = requester
  const messages = await sources.toDevice.messages(userId, deviceId, since?.toDevice ?? 0, to, MAX_TO_DEVICE)
  if (messages.length === 0) return { json: undefined, upTo: to }
  const last = messages.at(-1)?.position ?? to
  return {
    json: { events: messages.map(({ event }) => event) },
    upTo: messages.length < MAX_TO_DEVICE ? to : last,
  }
}

/** `device_lists`: only at an incremental sync; at an initial one clients query everybody anyway. */
export async function deviceListsSection(context: SyncContext): Promise<JsonObject | undefined> {
  if (!context.since) return undefined
  const { userId } = context.requester
  const { since, to, touched } = context
  const { changed, left } = await context.sources.deviceLists.changes(userId, since.position, to, touched)
  return changed.length === 0 && left.length === 0 ? undefined : { changed, left }
}

/** What every answer says of the device's keys, changed or not. */
export async function keyCountsSection({ sources, requester }: Pick<SyncContext, 'sources' | 'requester'>) {
  const { userId, deviceId } = requester
  const [counts, unused] = await Promise.all([
    sources.keyCounts.oneTimeKeyCounts(userId, deviceId),
    sources.keyCounts.unusedFallbackKeyTypes(userId, deviceId),
  ])
  return { device_one_time_keys_count: counts, device_unused_fallback_key_types: unused }
}
