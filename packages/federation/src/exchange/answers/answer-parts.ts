import type { Crypto, RoomId, ServerName } from '@starling/protocol'
import type { CheckedPdu, KeyRing, RoomEngine, Verdict } from '../../contracts.ts'
import type { LocalUsers } from '../../ports.ts'
import type { RoomGate } from '../access/room-gate.ts'
import type { HourlyQuota } from '../hourly-quota.ts'
import type { PeerRations } from '../peer-rations.ts'
import type { Count, EduSink, InvitePolicy, RoomDirectory, RoomViews } from '../ports.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import type { RoomManifests } from './room-manifest.ts'

/** What the rows of the table of answers stand on. */
export interface AnswerParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly carrier: EventCarrier
  readonly gate: RoomGate
  readonly users: LocalUsers
  readonly views: RoomViews
  readonly edus: EduSink
  readonly clock: { now(): number }
  readonly count: Count
  readonly versions: readonly string[]
  /** By inviting server. */
  readonly inviteQuota: HourlyQuota
  /** One for all servers that share no room with this one: names cost nothing, so a quota for each is none. */
  readonly strangersInviteQuota: HourlyQuota
  /** Answers that tell a server of its removal, by that server. */
  readonly removalQuota: HourlyQuota
  /** By claiming server. */
  readonly keyClaimQuota: HourlyQuota
  readonly crypto: Crypto
  readonly manifests: RoomManifests
  /** Manifests and digests of states, by asking server. */
  readonly manifestQuota: HourlyQuota
  /** State events by id, by asking server. */
  readonly stateEventQuota: HourlyQuota
  /** What servers have had of rooms in this hour. */
  readonly served: PeerRations
  readonly directory: RoomDirectory | undefined
  readonly invitePolicy: InvitePolicy | undefined
  /** `RoomExchange.incoming`. */
  incoming(json: Parameters<RoomEngine['check']>[0], roomId: RoomId, carrier: ServerName): Promise<Verdict>
  /** Receives a checked event and fetches what it waits for, as `incoming` does after its checks. */
  settle(checked: CheckedPdu, carrier: ServerName, options?: { readonly publish?: boolean }): Promise<Verdict>
  /** That server asked for the extremities of rooms where ours differ: it may have what we miss. */
  heardOfDifference(server: ServerName): void
}
