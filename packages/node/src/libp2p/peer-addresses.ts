import type { IdentifyResult } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@starling/federation'
import type { Libp2p } from 'libp2p'
import { type AddressKind, type AddressPolicy, hostOf, kindOfIp } from './address-policy.ts'

/** The kind of network that an address is on; undefined for a DNS name or what is no socket. */
export function kindOf(address: string): AddressKind | undefined {
  const [first] = multiaddr(address).getComponents()
  return first?.name === 'ip4' || first?.name === 'ip6' ? kindOfIp(first.value ?? '') : undefined
}

/** What mDNS tells is of this LAN, so its private addresses are trusted; loopback stays as the policy has it. */
export function trustedOnLan(addresses: readonly string[], policy: AddressPolicy): readonly string[] {
  const found = addresses.map((address) => multiaddr(address))
  for (const address of found) if (kindOf(String(address)) === 'private') policy.trust(address)
  return found.filter((address) => !policy.denies(address)).map(String)
}

/** A peer that we talk to at a host may name other ports of that same host: dialling them reveals and harms nothing new. */
export function trustSameHost({ listenAddrs, connection }: IdentifyResult, policy: AddressPolicy): void {
  // Behind a relay, the connection's address is the relay's.
  if (String(connection.remoteAddr).includes('/p2p-circuit')) return
  const host = hostOf(connection.remoteAddr)
  for (const address of listenAddrs) if (host !== undefined && hostOf(address) === host) policy.trust(address)
}

/** Addresses of a peer from the peer store that may be dialled, or told to others. */
export async function storedAddresses(node: Libp2p, peer: PeerId, policy: AddressPolicy): Promise<readonly string[]> {
  const id = peerIdFromString(peer)
  if (!(await node.peerStore.has(id))) return []
  const { addresses } = await node.peerStore.get(id)
  return addresses
    .map((entry) => entry.multiaddr)
    .filter((address) => !policy.denies(address))
    .map(String)
}

/** A Starling node is the last that is let go when there are too many connections. Returns its addresses. */
export async function notePeer(node: Libp2p, peer: PeerId, policy: AddressPolicy): Promise<readonly string[]> {
  await node.peerStore.merge(peerIdFromString(peer), { tags: { starling: { value: 100 } } })
  return storedAddresses(node, peer, policy)
}

/** libp2p forgets addresses after an hour; the keeper does not, so it hands them over with each dial. */
export async function dialKept(
  node: Libp2p,
  peer: PeerId,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const id = peerIdFromString(peer)
  await node.peerStore.merge(id, { multiaddrs: addresses.map((address) => multiaddr(address)) })
  await node.dial(id, { signal })
}
