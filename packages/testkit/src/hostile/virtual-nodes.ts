import type { PeerId } from '@starling/federation'
import type { EventId, RoomId } from '@starling/protocol'
import { FaultLog } from '../fuzz/fault-log.ts'
import type { FuzzHost } from '../fuzz/fuzz-host.ts'
import { FuzzNode } from '../fuzz/fuzz-node.ts'
import { VirtualTime } from '../fuzz/virtual-time.ts'

const START = Date.UTC(2026, 10, 21)
const HEARTBEAT_MS = 80_000

/**
 * Whole nodes in one process, each with a clock of its own that moves when told, and links that are cut and joined by hand.
 * What their logs call an error is kept in `faults`.
 */
export class VirtualNodes {
  readonly all: FuzzNode[] = []
  readonly faults = new FaultLog()
  readonly counted = new Map<string, number>()
  readonly #hosts = new Map<PeerId, FuzzHost>()
  readonly #times = new Map<FuzzNode, VirtualTime>()

  /** `ahead`: by how many milliseconds its clock is off. */
  async add(name: string, ahead = 0): Promise<FuzzNode> {
    const time = new VirtualTime(START + ahead)
    const node = await FuzzNode.start({
      ...{ name, time, world: this.#hosts, logger: this.faults.logger() },
      seed: this.all.length + 1,
      count: (what, code) => this.counted.set(`${what} ${code}`, (this.counted.get(`${what} ${code}`) ?? 0) + 1),
    })
    for (const other of this.all) node.host.connect(other.host)
    this.all.push(node)
    this.#times.set(node, time)
    await this.settle()
    return node
  }

  /** Cuts every link between the two groups. */
  async cut(some: readonly FuzzNode[], others: readonly FuzzNode[]): Promise<void> {
    for (const one of some) {
      for (const other of others) {
        one.host.cutOff.add(other.host.peerId)
        other.host.cutOff.add(one.host.peerId)
        await one.host.disconnect(other.host.peerId)
      }
    }
  }

  /** Joins every link again; those who meet compare what they have. */
  async heal(): Promise<void> {
    for (const node of this.all) node.host.cutOff.clear()
    for (const [index, node] of this.all.entries()) {
      for (const other of this.all.slice(index + 1)) node.host.connect(other.host)
    }
    await this.settle()
  }

  /** Moves the clocks on, of these nodes only: who is left out sleeps. */
  async pass(ms: number, nodes: readonly FuzzNode[] = this.all): Promise<void> {
    for (const node of nodes) this.#times.get(node)?.advance(ms)
    await this.settle()
  }

  /** Heartbeats until nobody has anything new for anybody, at most five. */
  async beat(): Promise<void> {
    for (let n = 0; n < 5; n++) await this.pass(HEARTBEAT_MS)
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      for (const node of this.all) await node.net.drained()
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async stop(): Promise<void> {
    for (const node of this.all) await node.stop()
  }
}

/** Slots and the events that hold them: equal text is equal state. */
export async function stateText(node: FuzzNode, roomId: RoomId): Promise<string> {
  return [...(await node.engine.currentState(roomId))]
    .map(([slot, id]) => `${slot} ${id}`)
    .sort()
    .join('\n')
}

/** Bodies of the messages in the timeline, oldest first. */
export async function bodies(node: FuzzNode, roomId: RoomId): Promise<string[]> {
  const { events } = await node.rooms.reader.timeline(roomId, { direction: 'f', limit: 2_000 })
  return events.flatMap(({ pdu }) => (pdu.type === 'm.room.message' ? [String(pdu.content.body)] : []))
}

export async function contentOf(node: FuzzNode, roomId: RoomId, type: string, stateKey = ''): Promise<unknown> {
  return (await node.rooms.reader.stateEvent(roomId, type, stateKey))?.pdu.content
}

export function setState(
  node: FuzzNode,
  roomId: RoomId,
  type: string,
  content: Record<string, string>,
): Promise<EventId> {
  return node.engine.send({ roomId, sender: node.userId, type, stateKey: '', content })
}
