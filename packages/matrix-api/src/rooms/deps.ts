import type { Clock, Logger, RoomId, ServerName } from '@starling/protocol'
import type { RemoteServers, RoomReader, Rooms, StreamPositions } from '../ports.ts'
import type { InviteeProfiles } from '../profile/invitee-profiles.ts'
import type { AccountData, LocalAccounts, Profiles } from '../sync/ports.ts'
import type { RoomDirectory } from './room-directory.ts'
import type { OutlinedRooms } from './spaces/outlined-rooms.ts'
import type { CarriedSettings } from './upgrade/carried-settings.ts'

/** What reading a room takes. */
export interface ReadDeps {
  readonly reader: RoomReader
  readonly positions: StreamPositions
  readonly accountData: AccountData
  readonly clock: Clock
}

/** Told of what is not in the stream of new events. */
export interface HistoryListener {
  /** Older history of a room may have come, or gone. */
  historyChanged(roomId: RoomId): void
  /** A user's view of the room is dropped, and with the last one the room. */
  roomForgotten(roomId: RoomId): Promise<void>
}

/** What the room operations take; `roomEndpoints` hands each the whole, TypeScript narrows it by what a file asks for. */
export interface RoomDeps extends ReadDeps {
  readonly serverName: ServerName
  readonly rooms: Rooms
  readonly remote: RemoteServers
  readonly directory: RoomDirectory
  readonly outlines: OutlinedRooms
  readonly profiles: Profiles
  readonly invitees: Pick<InviteeProfiles, 'memberContent'>
  readonly accounts: LocalAccounts
  readonly logger: Logger
  readonly history: HistoryListener
  /** Of who joins a room that replaces another. */
  readonly carriedSettings: Pick<CarriedSettings, 'joined'>
}
