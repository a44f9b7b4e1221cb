import { lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * Which addresses this node dials (GOTCHAS 14). A peer can offer any address, of itself or of others; without a rule it
 * would make us knock at the router's, or at our own, ports. Addresses that this node's person or the LAN's mDNS gave, and
 * addresses on the very host that a peer is already connected from, are trusted; the rest must be of an allowed kind.
 */
export interface AddressPolicy {
  /** For libp2p's gater: true stops the dial before a socket is opened. */
  denies(address: Multiaddr): boolean
  /** Allows this address (host, transport and port) from now on, whatever its kind. */
  trust(address: Multiaddr): void
  /** DNS names are checked once resolved, so that a name cannot stand for a forbidden address. */
  readonly lookup: LookupFunction
}

export type AddressKind = 'never' | 'loopback' | 'link-local' | 'private' | 'public'

export interface AddressPolicyOptions {
  /** A private network: private ranges are allowed, public ones are not. */
  readonly privateAddressesOnly: boolean
  readonly allowLoopback: boolean
}

/** Ranges by kind (IANA special-purpose registries); first match wins, `public` is what is left. */
const RANGES: readonly (readonly [kind: AddressKind, subnet: string])[] = [
  ['never', '0.0.0.0/8'],
  ['loopback', '127.0.0.0/8'],
  ['link-local', '169.254.0.0/16'],
  ['private', '10.0.0.0/8'],
  ['private', '172.16.0.0/12'],
  ['private', '192.168.0.0/16'],
  ['private', '100.64.0.0/10'],
  ['private', '198.18.0.0/15'],
  ['never', '192.0.0.0/24'],
  ['never', '224.0.0.0/4'],
  ['never', '240.0.0.0/4'],
  ['never', '::/128'],
  ['loopback', '::1/128'],
  ['link-local', 'fe80::/10'],
  ['private', 'fc00::/7'],
  ['never', 'ff00::/8'],
]

const LISTS = RANGES.map(([kind, subnet]) => {
  const [network = '', prefix = ''] = subnet.split('/')
  const list = new BlockList()
  list.addSubnet(network, Number(prefix), isIP(network) === 6 ? 'ipv6' : 'ipv4')
  return { kind, list } as const
})

/** The kind of an IP address; IPv4 inside IPv6 (mapped, 6to4's and NAT64's prefixes) counts as the IPv4 address it carries. */
export function kindOfIp(ip: string): AddressKind {
  const bare = ip.split('%')[0] ?? ip
  const version = isIP(bare)
  if (version === 0) return 'never'
  const carried = version === 6 ? carriedIpv4(bare) : undefined
  if (carried !== undefined) return kindOfIp(carried)
  const family = version === 6 ? 'ipv6' : 'ipv4'
  return LISTS.find(({ list }) => list.check(bare, family))?.kind ?? 'public'
}

/** Trusted addresses kept; the one trusted longest ago is dropped first. */
const MAX_TRUSTED = 2048

export function addressPolicy(options: AddressPolicyOptions): AddressPolicy {
  const trusted = new Set<string>()
  const trustedNames = new Set<string>()
  const allowed: Readonly<Record<AddressKind, () => boolean>> = {
    never: () => false,
    loopback: () => options.allowLoopback || onlyLoopbackExists(),
    'link-local': () => false,
    private: () => options.privateAddressesOnly,
    public: () => !options.privateAddressesOnly,
  }
  return {
    denies(address) {
      if (trusted.has(endpointOf(address))) return false
      const host = hostOf(address)
      if (host === undefined) return true
      // A name is judged by `lookup`; only TCP goes through it, so an untrusted name under another transport is refused.
      if (isIP(host.split('%')[0] ?? '') === 0) return !isPlainTcp(address)
      return !allowed[kindOfIp(host)]()
    },
    trust(address) {
      remember(trusted, endpointOf(address))
      const host = hostOf(address)
      if (host !== undefined && isIP(host) === 0) remember(trustedNames, host)
    },
    lookup: (hostname, lookupOptions, callback) => {
      systemLookup(hostname, { ...lookupOptions, all: true }, (error, found) => {
        if (error) return callback(error, '')
        const usable = found.filter(({ address }) => trustedNames.has(hostname) || allowed[kindOfIp(address)]())
        const [first] = usable
        if (!first) return callback(forbidden(hostname), '')
        if (lookupOptions.all) callback(null, usable)
        else callback(null, first.address, first.family)
      })
    },
  }
}

/** The IP address or DNS name that a dial would open a socket to; undefined where there is none (a bare circuit, a unix path). */
export function hostOf(address: Multiaddr): string | undefined {
  const first = address.getComponents().find(({ name }) => name !== 'ip6zone')
  return first !== undefined && HOST_PROTOCOLS.has(first.name) ? first.value : undefined
}

const HOST_PROTOCOLS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6', 'dnsaddr'])

/** Host, transport and port, without the PeerIds and without what lies behind a relay. */
function endpointOf(address: Multiaddr): string {
  const parts: string[] = []
  for (const { name, value } of address.getComponents()) {
    if (name === 'p2p' || name === 'p2p-circuit') break
    parts.push(`${name}=${value ?? ''}`)
  }
  return parts.join('/')
}

function isPlainTcp(address: Multiaddr): boolean {
  const [host, transport, next] = address.getComponents()
  const plain = next === undefined || next.name === 'p2p'
  return host?.name === 'dnsaddr' || (transport?.name === 'tcp' && plain)
}

function remember(set: Set<string>, value: string): void {
  set.delete(value)
  set.add(value)
  for (const oldest of set) {
    if (set.size <= MAX_TRUSTED) break
    set.delete(oldest)
  }
}

/** A machine without any network (a container, a plane): the loopback is the whole world, and harmless to dial. */
function onlyLoopbackExists(): boolean {
  return !Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ internal }) => !internal))
}

function forbidden(hostname: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${hostname} resolves only to addresses that must not be dialled`)
  error.code = 'EACCES'
  return error
}

/** `::ffff:a.b.c.d`, `64:ff9b::a.b.c.d` and `2002:aabb:ccdd::` carry an IPv4 address that the system would end up dialling. */
function carriedIpv4(ip: string): string | undefined {
  const groups = groupsOf(ip)
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const dotted = (high: number, low: number) => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  if (a === 0x2002) return dotted(b, c)
  if (a === 0x64 && b === 0xff9b) return dotted(g, h)
  const zeroes = a === 0 && b === 0 && c === 0 && d === 0 && e === 0
  return zeroes && f === 0xffff ? dotted(g, h) : undefined
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(ip: string): number[] {
  const withoutDots = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail] = withoutDots.split('::')
  const parse = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const left = parse(head)
  const right = tail === undefined ? [] : parse(tail)
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
}
