import { Namespace } from './namespace.ts'

interface Port {
  /** The interface's name in the switch's namespace. */
  readonly port: string
  readonly mac: string
}

/** A bridge in a namespace of its own, so that nothing of it is seen outside. */
export class Switch implements AsyncDisposable {
  readonly #namespace: Namespace
  readonly #sequence: number
  readonly #ports = new Map<Namespace, Port>()

  private constructor(namespace: Namespace, sequence: number) {
    this.#namespace = namespace
    this.#sequence = sequence
  }

  static async create(name: string, sequence: number): Promise<Switch> {
    const namespace = await Namespace.create(name)
    await namespace.ip('link', 'add', 'br0', 'type', 'bridge')
    // Multicast goes to every port, as on a plain switch; no waiting for other switches before a port works.
    await namespace.ip('link', 'set', 'br0', 'type', 'bridge', 'mcast_snooping', '0', 'forward_delay', '0')
    await namespace.ip('link', 'set', 'br0', 'up')
    return new Switch(namespace, sequence)
  }

  /** Gives the machine an interface on this switch with that address (`10.0.0.1/24`). */
  async plug(machine: Namespace, name: string, address: string): Promise<void> {
    const number = this.#ports.size
    const port = `port${number}`
    const mac = `02:77:00:${hex(this.#sequence >> 8)}:${hex(this.#sequence)}:${hex(number + 1)}`
    await this.#namespace.ip('link', 'add', port, 'type', 'veth', 'peer', 'name', name, 'netns', machine.name)
    await machine.ip('link', 'set', name, 'address', mac)
    await machine.ip('addr', 'add', address, 'dev', name)
    await this.#namespace.ip('link', 'set', port, 'master', 'br0', 'up')
    await machine.ip('link', 'set', name, 'up')
    this.#ports.set(machine, { port, mac })
  }

  async unplug(machine: Namespace): Promise<void> {
    await this.#namespace.ip('link', 'set', this.#port(machine).port, 'down')
  }

  async replug(machine: Namespace): Promise<void> {
    await this.#namespace.ip('link', 'set', this.#port(machine).port, 'up')
  }

  /** Each side drops what comes from the other's network card: IPv4, IPv6, multicast alike. */
  async dropBetween(one: Namespace, other: Namespace): Promise<void> {
    await drop(one, this.#port(other).mac)
    await drop(other, this.#port(one).mac)
  }

  async healBetween(one: Namespace, other: Namespace): Promise<void> {
    await one.exec('nft', ['delete', 'table', 'inet', tableFor(this.#port(other).mac)])
    await other.exec('nft', ['delete', 'table', 'inet', tableFor(this.#port(one).mac)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#namespace[Symbol.asyncDispose]()
  }

  #port(machine: Namespace): Port {
    const port = this.#ports.get(machine)
    if (!port) throw new Error(`${machine.name} is not on this switch`)
    return port
  }
}

async function drop(machine: Namespace, fromMac: string): Promise<void> {
  const rules = `table inet ${tableFor(fromMac)} {
    chain input { type filter hook input priority 0; policy accept; ether saddr ${fromMac} drop; }
  }`
  await machine.exec('nft', ['-f', '-'], rules)
}

function tableFor(mac: string): string {
  return `drop_${mac.replaceAll(':', '')}`
}

function hex(byte: number): string {
  return (byte & 0xff).toString(16).padStart(2, '0')
}
