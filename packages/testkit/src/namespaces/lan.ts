import { nextNetworkName } from './cleanup.ts'
import { Namespace } from './namespace.ts'
import { Switch } from './switch.ts'

/** A machine on the LAN. Its only interface is `eth0`; it has no default route. */
export interface LanNode {
  readonly namespace: Namespace
  /** IPv4 address on the LAN. */
  readonly address: string
}

/**
 * Machines on one switch, with no other route, not even one for multicast: what a home without internet is.
 *
 * @example
 * await using lan = await Lan.create(2)
 * const node = lan.nodes[0].namespace.spawnNode(new URL('./my-node.ts', import.meta.url))
 */
export class Lan implements AsyncDisposable {
  readonly nodes: readonly LanNode[]
  readonly #switch: Switch

  private constructor(lanSwitch: Switch, nodes: readonly LanNode[]) {
    this.#switch = lanSwitch
    this.nodes = nodes
  }

  static async create(count: number): Promise<Lan> {
    const { prefix, sequence } = nextNetworkName()
    const lanSwitch = await Switch.create(`${prefix}-switch`, sequence)
    const nodes: LanNode[] = []
    const lan = new Lan(lanSwitch, nodes)
    try {
      for (let index = 0; index < count; index++) {
        const namespace = await Namespace.create(`${prefix}-${index}`)
        const address = `10.77.${sequence % 256}.${index + 1}`
        nodes.push({ namespace, address })
        await lanSwitch.plug(namespace, 'eth0', `${address}/24`)
      }
    } catch (error) {
      await lan[Symbol.asyncDispose]()
      throw error
    }
    return lan
  }

  /** The machine by its number, from 0. */
  node(index: number): LanNode {
    const node = this.nodes[index]
    if (!node) throw new RangeError(`the LAN has ${this.nodes.length} machines, there is none of number ${index}`)
    return node
  }

  /** Pulls the machine's cable. */
  async cutLink(index: number): Promise<void> {
    await this.#switch.unplug(this.node(index).namespace)
  }

  async healLink(index: number): Promise<void> {
    await this.#switch.replug(this.node(index).namespace)
  }

  /** Silently loses everything between two machines, whatever the protocol, while both hear the others. */
  async dropBetween(one: number, other: number): Promise<void> {
    await this.#switch.dropBetween(this.node(one).namespace, this.node(other).namespace)
  }

  async healBetween(one: number, other: number): Promise<void> {
    await this.#switch.healBetween(this.node(one).namespace, this.node(other).namespace)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { namespace } of this.nodes) await namespace[Symbol.asyncDispose]()
    await this.#switch[Symbol.asyncDispose]()
  }
}
