import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@starling/federation'
import type { Logger } from '@starling/protocol'
import multicastDns, { type MulticastDNS, type ResponsePacket } from 'multicast-dns'
import { hostOf, kindOfIp } from './address-policy.ts'

/**
 * Finds nodes on the local network by multicast DNS (libp2p "mDNS" peer discovery: a PTR record per node, its addresses in
 * `dnsaddr=` TXT records). `@libp2p/mdns` speaks on one interface only, the one of the default route, and needs such a route:
 * a laptop with a VPN or with containers, or a LAN without a gateway, would find nobody (docs/decisions/0004). So here every
 * interface has its own socket.
 */
export interface LanDiscoveryOptions {
  readonly serviceTag: string
  readonly self: PeerId
  /** Own addresses, each with `/p2p/…`. */
  addresses(): readonly string[]
  /** A node and its addresses on the very host that the packet came from; called again at every sighting (GOTCHAS 6). */
  sighted(peer: PeerId, addresses: readonly string[]): void
  readonly log: Logger
}

const QUERY_INTERVAL_MS = 10_000
/** Interfaces come and go (Wi-Fi, cables, VPNs). */
const INTERFACE_INTERVAL_MS = 3000
/** At most one answer per interface in this time, however many ask: all of them hear it. */
const ANSWER_INTERVAL_MS = 500
/** A TXT string's length is one byte (RFC 6763 section 6.1). */
const MAX_TXT_BYTES = 255
const MAX_ADDRESSES = 16
const MAX_INTERFACES = 32
const TTL_S = 120

export class LanDiscovery {
  readonly #options: LanDiscoveryOptions
  /** Random, so that the name says nothing of the node. */
  readonly #instance = `${randomBytes(16).toString('hex')}`
  readonly #sockets = new Map<string, LanSocket>()
  readonly #timers: NodeJS.Timeout[] = []

  constructor(options: LanDiscoveryOptions) {
    this.#options = options
  }

  start(): void {
    this.#followInterfaces()
    this.#timers.push(setInterval(() => this.#followInterfaces(), INTERFACE_INTERVAL_MS))
    this.#timers.push(setInterval(() => this.#query(), QUERY_INTERVAL_MS))
    for (const timer of this.#timers) timer.unref()
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    const sockets = [...this.#sockets.values()]
    this.#sockets.clear()
    await Promise.all(sockets.map((socket) => socket.close()))
  }

  #followInterfaces(): void {
    const present = ipv4Interfaces()
    for (const [address, socket] of this.#sockets) {
      if (present.includes(address) && !socket.failed) continue
      this.#sockets.delete(address)
      void socket.close()
    }
    for (const address of present) {
      if (this.#sockets.has(address)) continue
      const socket = new LanSocket(address, this.#instance, this.#options)
      this.#sockets.set(address, socket)
    }
  }

  #query(): void {
    for (const socket of this.#sockets.values()) socket.query()
  }
}

/** The mDNS conversation on one interface. */
class LanSocket {
  readonly #options: LanDiscoveryOptions
  readonly #instance: string
  readonly #dns: MulticastDNS
  #answeredAt = 0
  #answerTimer: NodeJS.Timeout | undefined
  failed = false

  constructor(interfaceAddress: string, instance: string, options: LanDiscoveryOptions) {
    this.#options = options
    this.#instance = instance
    // Bound to any address, or the group's packets would not be for this socket; sent and joined by the interface's.
    this.#dns = multicastDns({ interface: interfaceAddress, bind: '0.0.0.0' })
    this.#dns.on('ready', () => {
      this.query()
      // Others learn of this node now, not only when they next ask.
      this.#answer()
    })
    this.#dns.on('query', ({ questions }) => {
      if (questions.some(({ name, type }) => name === options.serviceTag && type === 'PTR')) this.#answerSoon()
    })
    this.#dns.on('response', (packet, { address }) => this.#read(packet, address))
    this.#dns.on('warning', (error) => options.log.debug({ err: error, interfaceAddress }, 'mDNS warning'))
    this.#dns.on('error', (error) => {
      this.failed = true
      options.log.warn({ err: error, interfaceAddress }, 'mDNS does not work on this interface')
    })
  }

  query(): void {
    this.#dns.query([{ name: this.#options.serviceTag, type: 'PTR' }])
  }

  async close(): Promise<void> {
    clearTimeout(this.#answerTimer)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#dns.destroy(() => resolve())
    await promise
  }

  #answerSoon(): void {
    if (this.#answerTimer) return
    const wait = Math.max(0, this.#answeredAt + ANSWER_INTERVAL_MS - Date.now())
    this.#answerTimer = setTimeout(() => {
      this.#answerTimer = undefined
      this.#answer()
    }, wait)
    this.#answerTimer.unref()
  }

  #answer(): void {
    this.#answeredAt = Date.now()
    const { serviceTag } = this.#options
    const name = `${this.#instance}.${serviceTag}`
    const texts = this.#options
      .addresses()
      .filter((address) => isLocal(address))
      .map((address) => `dnsaddr=${address}`)
      .filter((text) => text.length <= MAX_TXT_BYTES)
    if (texts.length === 0) return
    this.#dns.respond([
      { name: serviceTag, type: 'PTR', class: 'IN', ttl: TTL_S, data: name },
      ...texts
        .slice(0, MAX_ADDRESSES)
        .map((data) => ({ name, type: 'TXT' as const, class: 'IN' as const, ttl: TTL_S, data })),
    ])
  }

  #read(packet: ResponsePacket, source: string): void {
    const records = [...packet.answers, ...packet.additionals]
    if (!records.some((record) => record.type === 'PTR' && record.name === this.#options.serviceTag)) return
    const byPeer = new Map<PeerId, string[]>()
    for (const record of records.slice(0, 2 * MAX_ADDRESSES)) {
      if (record.type !== 'TXT') continue
      for (const text of textsOf(record.data)) {
        const found = addressAt(text, source)
        if (!found || found.peer === this.#options.self) continue
        const addresses = byPeer.get(found.peer) ?? []
        if (addresses.length < MAX_ADDRESSES) byPeer.set(found.peer, [...addresses, found.address])
      }
    }
    for (const [peer, addresses] of byPeer) this.#options.sighted(peer, addresses)
  }
}

/**
 * The address in a TXT record, if it is one at `source`: whoever answers can only offer its own host, not have everybody on
 * the LAN dial a third. (A packet's source can be forged, but only by somebody on the LAN, who can dial there anyway.)
 */
function addressAt(text: string, source: string): { readonly peer: PeerId; readonly address: string } | undefined {
  if (!text.startsWith('dnsaddr=')) return undefined
  try {
    const address = multiaddr(text.slice('dnsaddr='.length))
    const peer = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
    if (peer === undefined || hostOf(address) !== source) return undefined
    return { peer: peerIdFromString(peer).toString() as PeerId, address: String(address) }
  } catch {
    return undefined // not a multiaddress: another program's record, or nonsense
  }
}

function textsOf(data: unknown): readonly string[] {
  const parts = Array.isArray(data) ? data : [data]
  return parts.filter((part) => typeof part === 'string' || part instanceof Uint8Array).map(String)
}

function isLocal(address: string): boolean {
  const host = hostOf(multiaddr(address))
  return host !== undefined && kindOfIp(host) !== 'public' && kindOfIp(host) !== 'never'
}

/** One IPv4 address of each interface that is up; the loopback only where there is nothing else. */
function ipv4Interfaces(): readonly string[] {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => {
    const ipv4 = addresses?.find(({ family }) => family === 'IPv4')
    return ipv4 ? [ipv4] : []
  })
  const external = found.filter(({ internal }) => !internal)
  return (external.length > 0 ? external : found).map(({ address }) => address).slice(0, MAX_INTERFACES)
}
