import type { JsonObject } from '@starling/protocol'
import { deviceListChanges, keyCountsSection } from '../../sync/device-sections.ts'
import type { SlidingContext } from '../sliding-context.ts'

/** Clients of today take an algorithm that is not named as unchanged instead of used up, so it is always named. */
const ALWAYS_COUNTED = { signed_curve25519: 0 }

/**
 * The `e2ee` extension (MSC4543): device lists since the connection's position, and the device's key counts where the client
 * has not been told them. Undefined where there is nothing to say.
 */
export async function e2eeExtension(context: SlidingContext): Promise<JsonObject | undefined> {
  const { sources, requester, draft, to, touched } = context
  const window = { since: draft.since, to, touched }
  const [lists, keys] = await Promise.all([
    draft.isFirst ? undefined : deviceListChanges(sources, requester.userId, window),
    keyCountsSection({ sources, requester }),
  ])
  const counts = { ...keys, device_one_time_keys_count: { ...ALWAYS_COUNTED, ...keys.device_one_time_keys_count } }
  const text = JSON.stringify(counts)
  if (!lists && draft.keyCounts === text) return undefined
  draft.keyCounts = text
  return { ...counts, ...(lists && { device_lists: lists }) }
}
