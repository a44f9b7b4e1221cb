import type { EventId, RoomId, RoomVersionRules, ServerName } from '@starling/protocol'
import type { PersistentMap } from '../state/persistent-map.ts'
import type { RoomState } from '../state/state-store.ts'
import type { HeadRow, RoomNumber, StateId } from '../store/tables.ts'

/** Everything that the next event of a room needs to know. Immutable: a write makes a new one. */
export interface RoomHead {
  readonly roomId: RoomId
  readonly number: RoomNumber
  readonly rules: RoomVersionRules
  /** The live extremities: what new events stand on. See `ingest/settle-extremities.ts`. */
  readonly extremities: readonly EventId[]
  /** Leaves of the DAG that the current state refuses, the longest known first. */
  readonly dead: readonly EventId[]
  /** Those of `extremities` that are no leaves: only dead events stand on them. */
  readonly exposed: readonly EventId[]
  /** Moves whenever an event comes to stand on what is no leaf: what was found by counting children is found again. */
  readonly forks: number
  /** Resolution of the states after all forward extremities. */
  readonly state: RoomState
  readonly lastChange: number
  /** Position of the newest change of the current state. */
  readonly lastStateChange: number
  readonly nextStateId: StateId
  readonly nextHistoryOrder: number
  /** Members of the current state. */
  readonly joined: number
  readonly invited: number
  /** Joined users per server; servers without any are absent. */
  readonly servers: PersistentMap<ServerName, number>
}

export function headRow(head: RoomHead): HeadRow {
  return {
    extremities: head.extremities,
    ...(head.dead.length > 0 ? { dead: head.dead } : {}),
    ...(head.exposed.length > 0 ? { exposed: head.exposed } : {}),
    ...(head.forks > 0 ? { forks: head.forks } : {}),
    state: head.state.id,
    lastChange: head.lastChange,
    lastStateChange: head.lastStateChange,
    nextStateId: head.nextStateId,
    nextHistoryOrder: head.nextHistoryOrder,
    joined: head.joined,
    invited: head.invited,
  }
}
