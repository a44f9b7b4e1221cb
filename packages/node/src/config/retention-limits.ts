import type { RetentionLimits } from '@starling/federation'
import type { Config } from './options.ts'

const DAY_MS = 24 * 3600_000

/** The retention flags as federation takes them. */
export function retentionLimits({
  historyDays,
  roomRetention,
}: Pick<Config, 'historyDays' | 'roomRetention'>): RetentionLimits {
  return { maxAge: historyDays === undefined ? undefined : historyDays * DAY_MS, followRooms: roomRetention }
}
