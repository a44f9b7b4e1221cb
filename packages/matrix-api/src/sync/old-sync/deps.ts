import type { RoomDeps } from '../../rooms/deps.ts'
import type { SyncDeps } from '../sync.ts'

/** What the calls that came before /sync take beyond what it takes. */
export type OldSyncDeps = SyncDeps & Pick<RoomDeps, 'directory'>
