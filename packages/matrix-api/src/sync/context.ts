import type { RoomId } from '@starling/protocol'
import type { CompiledFilter } from '../filters/compiled-filter.ts'
import type { Requester } from '../http/endpoint.ts'
import type { Ephemeral, Position } from '../ports.ts'
import type { ClientEventForm } from '../rooms/client-event.ts'
import type { ReadDeps } from '../rooms/deps.ts'
import type { SyncToken } from '../rooms/position-token.ts'
import type { HiddenPeople } from '../rooms/room-view.ts'
import type { KnownPeople } from './known-people.ts'
import type { AccountDataChange, DeviceKeyCounts, DeviceListStream, PushEvaluation, ToDeviceInbox } from './ports.ts'
import type { SentMembers } from './sent-members.ts'
import type { UnreadCounts } from './unread-counts.ts'

export interface SyncSources extends ReadDeps {
  readonly ephemeral: Ephemeral
  readonly toDevice: ToDeviceInbox
  readonly deviceLists: DeviceListStream
  readonly keyCounts: DeviceKeyCounts
  readonly push: PushEvaluation
}

/** What is remembered between syncs, all of it bounded and safe to lose. */
export interface SyncMemory {
  readonly sentMembers: SentMembers
  readonly unread: UnreadCounts
  readonly people: KnownPeople
}

/** js-sdk asks for `state_after` by its unstable name only, and then looks for it under that name. */
export type StateKey = 'state' | 'state_after' | 'org.matrix.msc4222.state_after'

/** One look at all streams: everything in `(since, to]`. Without `since`, the initial sync: everything up to `to`. */
export interface SyncContext extends HiddenPeople {
  readonly sources: SyncSources
  readonly memory: SyncMemory
  readonly requester: Requester
  readonly filter: CompiledFilter
  readonly since: SyncToken | undefined
  readonly to: Position
  /** Rooms with anything in the window; undefined where that is not known, as at an initial sync. */
  readonly touched: ReadonlySet<RoomId> | undefined
  readonly fullState: boolean
  /** Where state goes and what it is: before the timeline, or (MSC4222 and v1.16) after it. */
  readonly stateKey: StateKey
  readonly form: ClientEventForm
  /** Account data changed in the window; one read for the user, handed to global and room sections. */
  readonly accountData: readonly AccountDataChange[]
}

/** Lower end of every stream: 0 at an initial sync. */
export function sinceOf(context: SyncContext): Position {
  return context.since?.position ?? 0
}

export function roomAccountData(context: SyncContext, roomId: RoomId): readonly AccountDataChange[] {
  return context.accountData.filter((change) => change.roomId === roomId)
}
