import type { RoomId } from '@starling/protocol'
import type { Requester } from '../http/endpoint.ts'
import type { Position } from '../ports.ts'
import type { ClientEventForm } from '../rooms/client-event.ts'
import type { HiddenPeople } from '../rooms/room-view.ts'
import type { SyncDeps } from '../sync/sync.ts'
import type { UnreadCounts } from '../sync/unread-counts.ts'
import { BumpStamps } from './bump-stamps.ts'
import type { Draft } from './connection.ts'
import { Connections } from './connections.ts'
import type { ListWindows } from './list-windows.ts'
import { RoomFactsCache } from './room-facts.ts'
import { type RoomLabels, UserRoomLabels } from './room-labels.ts'
import type { SlidingRequest } from './sliding-request.ts'
import { type RoomOrder, UserRoomOrders } from './user-room-order.ts'

/** What is remembered between requests: bounded, and all but the connections can be read again. */
export interface SlidingMemory {
  readonly connections: Connections
  readonly orders: UserRoomOrders
  readonly labels: UserRoomLabels
  readonly facts: RoomFactsCache
  readonly bumps: BumpStamps
  readonly unread: UnreadCounts
}

export function slidingMemory(deps: SyncDeps, unread: UnreadCounts): SlidingMemory {
  return {
    unread,
    connections: new Connections(),
    orders: new UserRoomOrders(deps.reader, deps.positions),
    labels: new UserRoomLabels(deps.accountData),
    facts: new RoomFactsCache(deps.reader),
    bumps: new BumpStamps(deps.reader),
  }
}

/** One look at everything, for one answer: rooms and extensions read `(draft.since, to]`, or more where the client lacks it. */
export interface SlidingContext extends HiddenPeople {
  readonly sources: SyncDeps
  readonly memory: SlidingMemory
  readonly requester: Requester
  readonly request: SlidingRequest
  readonly draft: Draft
  readonly to: Position
  readonly order: RoomOrder
  readonly labels: RoomLabels
  readonly windows: ListWindows
  /** Rooms with anything in the window; undefined where that is not known. */
  readonly touched: ReadonlySet<RoomId> | undefined
  readonly form: ClientEventForm
}
