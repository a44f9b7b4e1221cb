import type { RetentionLimits } from '@starling/federation'
import type { Config } from './options.ts'

const DAY_MS = 24 * 3600_000

/** The retention flags as federation takes them. */
export function retentionLimits({
  historyBytes,
  historyDays,
  roomRetention,
}: Pick<Config, 'historyBytes' | 'historyDays' | 'roomRetention'>): RetentionLimits {
  const maxAge = historyDays === undefined ? undefined : historyDays * DAY_MS
  return { maxAge, maxBytes: historyBytes, followRooms: roomRetention }
}
