import { nextNetworkName } from './cleanup.ts'
import { Namespace } from './namespace.ts'
import { Switch } from './switch.ts'

export interface InternetHost {
  readonly namespace: Namespace
  readonly address: string
}

/** A home: a router with a public address that lets nothing in by itself, and one machine behind it. */
export interface Home {
  readonly namespace: Namespace
  /** Private, behind the router. */
  readonly address: string
  readonly publicAddress: string
}

export interface InternetOptions {
  /** Machines with a public address. */
  readonly hosts: number
  /** Machines behind a NAT each. */
  readonly homes: number
}

/**
 * An internet: public addresses on one wire, and homes behind NAT routers (address and port are translated, new connections
 * from outside are dropped). The addresses are ordinary global ones, so that software takes them for that; no packet leaves.
 */
export class Internet implements AsyncDisposable {
  readonly hosts: readonly InternetHost[]
  readonly homes: readonly Home[]
  readonly #owned: readonly AsyncDisposable[]

  private constructor(hosts: readonly InternetHost[], homes: readonly Home[], owned: readonly AsyncDisposable[]) {
    this.hosts = hosts
    this.homes = homes
    this.#owned = owned
  }

  static async create(options: InternetOptions): Promise<Internet> {
    const { prefix, sequence } = nextNetworkName()
    const owned: AsyncDisposable[] = []
    const hosts: InternetHost[] = []
    const homes: Home[] = []
    const internet = new Internet(hosts, homes, owned)
    const own = <T extends AsyncDisposable>(thing: T): T => {
      owned.unshift(thing)
      return thing
    }
    try {
      const wire = own(await Switch.create(`${prefix}-wire`, sequence))
      for (let index = 0; index < options.hosts; index++) {
        const namespace = own(await Namespace.create(`${prefix}-host${index}`))
        const address = `45.45.45.${10 + index}`
        await wire.plug(namespace, 'eth0', `${address}/24`)
        hosts.push({ namespace, address })
      }
      for (let index = 0; index < options.homes; index++) {
        const router = own(await Namespace.create(`${prefix}-router${index}`))
        const namespace = own(await Namespace.create(`${prefix}-home${index}`))
        homes.push(await furnish(index, wire, router, namespace))
      }
    } catch (error) {
      await internet[Symbol.asyncDispose]()
      throw error
    }
    return internet
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const thing of this.#owned) await thing[Symbol.asyncDispose]()
  }
}

async function furnish(index: number, wire: Switch, router: Namespace, namespace: Namespace): Promise<Home> {
  const publicAddress = `45.45.45.${100 + index}`
  const subnet = `192.168.${10 + index}`
  await wire.plug(router, 'wan', `${publicAddress}/24`)
  await router.ip('link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace.name)
  await router.ip('addr', 'add', `${subnet}.1/24`, 'dev', 'lan')
  await router.ip('link', 'set', 'lan', 'up')
  await namespace.ip('addr', 'add', `${subnet}.2/24`, 'dev', 'eth0')
  await namespace.ip('link', 'set', 'eth0', 'up')
  await namespace.ip('route', 'add', 'default', 'via', `${subnet}.1`)
  await router.exec('sysctl', ['-qw', 'net.ipv4.ip_forward=1'])
  await router.exec('nft', ['-f', '-'], ROUTER_RULES)
  return { namespace, address: `${subnet}.2`, publicAddress }
}

const ROUTER_RULES = `
table ip nat {
  chain post { type nat hook postrouting priority 100; oifname "wan" masquerade; }
}
table ip filter {
  chain forward { type filter hook forward priority 0; policy accept; iifname "wan" ct state new drop; }
  chain input { type filter hook input priority 0; policy accept; iifname "wan" ct state new drop; }
}
`
