import { isIPv6 } from 'node:net'

/** Leading 16-bit groups of an IPv6 address that name a customer's network rather than a host: /64. */
const NETWORK_GROUPS = 4

/**
 * What a limit by address counts together: an IPv4 address as it is, an IPv6 address by its /64, of which every host has 2^64
 * addresses to choose from.
 */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [before = '', after] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const missing = after === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail].map((group) => group.replace(/^0+(?=.)/, ''))
  // Loopback is one host, and not the network of all small numbers.
  if (groups.join(':') === '0:0:0:0:0:0:0:1') return '::1'
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`
}
