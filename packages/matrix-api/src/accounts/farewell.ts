import type { Logger, UserId } from '@starling/protocol'
import type { AccountDataStore } from '../account-data/account-data-store.ts'
import type { RoomReader, Rooms } from '../ports.ts'
import type { ProfileStore } from '../profile/profiles.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'

export interface FarewellDeps {
  readonly reader: Pick<RoomReader, 'roomsOf'>
  readonly rooms: Pick<Rooms, 'changeMembership'>
  readonly profiles: ProfileStore
  readonly accountData: AccountDataStore
  /** Cross-signing keys and key backups go, and those who share a room learn it. */
  readonly eraseKeys: (userId: UserId) => Promise<void>
  readonly logger: Logger
}

const CONCURRENCY = 8

/**
 * What a deactivated account leaves: its rooms (joined, invited, knocked on), its keys and key backups, and its profile; with `erase`,
 * its account data as well, and who comes later gets its events redacted. A room that cannot be left now keeps a member that can do
 * nothing any more.
 */
export function createFarewell(deps: FarewellDeps) {
  return async (userId: UserId, { erase }: { readonly erase: boolean }): Promise<void> => {
    const rooms = (await deps.reader.roomsOf(userId)).filter(({ membership }) =>
      ['join', 'invite', 'knock'].includes(membership),
    )
    await mapConcurrent(rooms, CONCURRENCY, async ({ roomId }) => {
      try {
        await deps.rooms.changeMembership({ roomId, sender: userId, target: userId, membership: 'leave' })
      } catch (error) {
        deps.logger.warn({ roomId, error: String(error) }, 'deactivated account could not leave room')
      }
    })
    await deps.eraseKeys(userId)
    await deps.profiles.erase(userId)
    if (erase) await deps.accountData.erase(userId)
  }
}
