import { type OpenRooms, openRooms } from '@starling/federation'
import {
  type EventId,
  type Pdu,
  type RoomId,
  type ServerName,
  type StateMap,
  slotKey,
  type UserId,
} from '@starling/protocol'
import type { DurableRows } from './durable-rows.ts'
import { simulatedKeyRing } from './simulated-keys.ts'
import type { SimulatedNode } from './simulated-node.ts'

export type Standing = 'accepted' | 'soft-failed' | 'rejected'

/** A room as one node has it on its disk: everything that nodes have to agree on, and what follows from it. */
export interface NodeView {
  readonly node: SimulatedNode
  readonly name: ServerName
  /** Events that stand in the node's DAG. */
  readonly standing: ReadonlyMap<EventId, Standing>
  readonly pdus: ReadonlyMap<EventId, Pdu>
  readonly extremities: readonly EventId[]
  readonly backward: readonly EventId[]
  readonly state: StateMap
  readonly joinedServers: ReadonlySet<ServerName>
  /** Membership by user as the node's clients are shown it. */
  readonly memberships: ReadonlyMap<UserId, string>
}

/** Opens the node's rows afresh, as a start after the schedule would, and reads the room. `candidates`: ids worth asking about. */
export async function readView(
  node: SimulatedNode,
  roomId: RoomId,
  candidates: Iterable<EventId>,
  users: readonly UserId[],
): Promise<NodeView> {
  const rooms = await openAfresh(node, node.rows.clone())
  const { engine, reader } = rooms
  const extremities = await engine.forwardExtremities(roomId)
  const ids = [...new Set([...candidates, ...extremities, ...node.acknowledged.keys()])]
  const standing = new Map<EventId, Standing>()
  const pdus = new Map<EventId, Pdu>()
  for (let open: readonly EventId[] = ids; open.length > 0; ) {
    const events = await engine.events(open)
    const inDag = await engine.inDag(open)
    const next = new Set<EventId>()
    for (const id of open) {
      if (!inDag.has(id)) continue
      const event = events.get(id)
      standing.set(id, event === undefined ? 'rejected' : event.status === 'soft-failed' ? 'soft-failed' : 'accepted')
      if (!event) continue
      pdus.set(id, event.pdu)
      for (const parent of event.pdu.prevEvents) next.add(parent)
    }
    open = [...next].filter((id) => !standing.has(id) && !ids.includes(id))
    for (const id of open) ids.push(id)
  }
  const memberships = new Map<UserId, string>()
  for (const user of users) {
    const member = await reader.membership(roomId, user)
    if (member) memberships.set(user, member.membership)
  }
  return {
    ...{ node, name: node.name, standing, pdus, memberships },
    extremities: [...extremities].sort(),
    backward: await engine.backwardExtremities(roomId),
    state: await engine.currentState(roomId),
    joinedServers: await engine.joinedServers(roomId),
  }
}

async function openAfresh(node: SimulatedNode, rows: DurableRows): Promise<OpenRooms> {
  const { crypto, directory } = node.world
  const quiet = () => undefined
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => logger }
  return openRooms({
    keys: simulatedKeyRing({ serverName: node.name, directory, crypto, isConnected: () => false }),
    store: {
      get: async (key) => rows.get(key),
      getMany: async (keys) => keys.map((key) => rows.get(key)),
      batch: async (operations) => rows.apply(operations, true),
      async *entries(range) {
        yield* rows.entries(range)
      },
    },
    ...{ crypto, logger, clock: { now: () => node.now() }, randomBytes: (size: number) => new Uint8Array(size) },
  })
}

/** State as text that is the same wherever the state is. */
export function stateText(state: StateMap): string {
  return [...state]
    .map(([slot, id]) => {
      const { type, stateKey } = slotKey(slot)
      return `${type}\u0000${stateKey}\u0000${id}`
    })
    .sort()
    .join('\n')
}
