import type { JsonObject, UserId } from '@starling/protocol'
import type { Position } from '../ports.ts'
import type { SyncContext, SyncSources } from './context.ts'

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
  const { sources, requester, since, to, touched } = context
  return since && deviceListChanges(sources, requester.userId, { since: since.position, to, touched })
}

/** Who is to be looked up again, and whom no longer to follow; undefined where nothing changed. */
export async function deviceListChanges(
  { deviceLists }: Pick<SyncSources, 'deviceLists'>,
  userId: UserId,
  window: Pick<SyncContext, 'to' | 'touched'> & { readonly since: Position },
): Promise<JsonObject | undefined> {
  const { changed, left } = await deviceLists.changes(userId, window.since, window.to, window.touched)
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
