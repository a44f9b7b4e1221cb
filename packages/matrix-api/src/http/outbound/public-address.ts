import { BlockList, isIP } from 'node:net'

/**
 * IPv4 ranges that are not the public Internet (IANA IPv4 Special-Purpose Address Registry, and multicast): this machine,
 * private and carrier networks, link-local (where clouds keep their metadata), documentation, benchmarks, reserved.
 */
const NOT_PUBLIC_IPV4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/** What of global unicast (2000::/3), the only public IPv6 range, is special after all (IANA's IPv6 registry). */
const NOT_PUBLIC_IPV6: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const blocked = new BlockList()
for (const [network, prefix] of NOT_PUBLIC_IPV4) blocked.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of NOT_PUBLIC_IPV6) blocked.addSubnet(network, prefix, 'ipv6')

const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** IPv6 ranges whose last 32 bits are an IPv4 address that is really meant: mapped, and NAT64 (RFC 6052). */
const carriesIpv4 = new BlockList()
carriesIpv4.addSubnet('::ffff:0:0', 96, 'ipv6')
carriesIpv4.addSubnet('64:ff9b::', 96, 'ipv6')

/**
 * True for an address on the public Internet, so that nothing on this machine or its networks can be reached through this
 * node. What an IPv6 address carries of IPv4 is judged as that. Text that is no address is not public.
 */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '')
  switch (isIP(plain)) {
    case 4:
      return !blocked.check(plain, 'ipv4')
    case 6: {
      // Whatever way it is written, `URL` writes it in hexadecimal groups.
      if (carriesIpv4.check(plain, 'ipv6')) return isPublicAddress(carriedIpv4(plain))
      return globalUnicast.check(plain, 'ipv6') && !blocked.check(plain, 'ipv6')
    }
    default:
      return false
  }
}

/** The last 32 bits, dotted. */
function carriedIpv4(address: string): string {
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(':')
  const [high = '', low = ''] = groups.slice(-2)
  const bits = [Number.parseInt(high || '0', 16), Number.parseInt(low || '0', 16)]
  return bits.flatMap((group) => [group >> 8, group & 0xff]).join('.')
}
