import type { Clock } from '@starling/protocol'
import type { Ephemeral, RoomReader } from '../ports.ts'
import type { AccountData } from '../sync/ports.ts'
import type { PresenceTracker } from './presence-tracker.ts'

/** What typing, receipts, read markers and presence take. */
export interface EphemeralDeps {
  readonly reader: RoomReader
  readonly ephemeral: Ephemeral
  readonly accountData: AccountData
  readonly presence: PresenceTracker
  readonly clock: Clock
}
