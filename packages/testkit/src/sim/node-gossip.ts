import type { CheckResult, RoomEngine } from '@starling/federation'
import type { EventId, JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import type { NodeLife } from './node-life.ts'
import { carried } from './simulated-keys.ts'
import type { GossipMessage } from './simulated-network.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Members that a node passes a message on to, beside whom it has it from: a mesh, not a flood. */
const PASSED_ON_TO = 2

/**
 * A node's side of a room's topic, as gossipsub and the product's validator do it: each message is looked at once, checked by the
 * checks that need no state, passed on, and given to the exchange.
 */
export class NodeGossip {
  readonly #node: SimulatedNode
  readonly #isAlive: () => boolean
  readonly #seen = new Set<EventId>()

  constructor(node: SimulatedNode, isAlive: () => boolean) {
    this.#node = node
    this.#isAlive = isAlive
  }

  publish(roomId: RoomId, pdu: Pdu, engine: RoomEngine): { readonly recipients: number } {
    if (!this.#isAlive()) return { recipients: 0 }
    this.#seen.add(pdu.eventId)
    const message = { roomId, eventId: pdu.eventId, text: JSON.stringify(carried(pdu)) }
    return { recipients: this.#send(message, this.#members(roomId, engine)) }
  }

  /** What a node says to whom it likes, whoever that is. */
  sendTo(servers: readonly ServerName[], roomId: RoomId, pdu: Pdu): void {
    this.#seen.add(pdu.eventId)
    this.#send({ roomId, eventId: pdu.eventId, text: JSON.stringify(carried(pdu)) }, servers)
  }

  async hear(
    message: GossipMessage,
    from: ServerName,
    { isRepeat }: { readonly isRepeat: boolean },
    life: NodeLife,
  ): Promise<void> {
    const { roomId, eventId } = message
    if (!life.isOpen || (this.#seen.has(eventId) && !isRepeat)) return
    this.#seen.add(eventId)
    const { engine, exchange } = life
    if (!engine.isServerJoined(roomId, from)) return
    const { server_keys: _, ...json } = JSON.parse(message.text) as JsonObject
    if (json.room_id !== roomId) return
    const version = await engine.roomVersion(roomId)
    if (version === undefined) return
    const result: CheckResult = await engine.check(json, version)
    if (!result.ok || result.checked.redacted || !this.#isAlive()) return
    if (!isRepeat) {
      const others = this.#members(roomId, engine).filter((server) => server !== from)
      this.#send(message, this.#node.random.shuffled(others).slice(0, PASSED_ON_TO))
    }
    const verdict = await exchange.incoming(json, roomId, from, result.checked)
    if (this.#isAlive()) this.#node.world.trace.add(`took ${this.#node.name} ${eventId} ${verdict.kind}`)
  }

  #members(roomId: RoomId, engine: RoomEngine): ServerName[] {
    const { network } = this.#node.world
    if (!engine.isServerJoined(roomId, this.#node.name)) return []
    return network.connectedTo(this.#node.name).filter((server) => engine.isServerJoined(roomId, server))
  }

  #send(message: GossipMessage, servers: readonly ServerName[]): number {
    const { network } = this.#node.world
    return servers.filter((server) => network.gossip(this.#node.name, server, message)).length
  }
}
