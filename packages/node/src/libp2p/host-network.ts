import { type AddressPolicy, addressPolicy } from './address-policy.ts'
import type { Notes } from './datastore.ts'
import type { Libp2pHostOptions } from './libp2p-host-options.ts'
import { claimListenAddresses } from './listen-addresses.ts'
import { type NetworkScope, networkScope } from './network-secret.ts'
import { kindOf } from './peer-addresses.ts'

/** Which network a host is on, and what follows from that. */
export interface HostNetwork {
  readonly scope: NetworkScope
  readonly listen: readonly string[]
  /** Port 4009 was in use. */
  readonly moved: boolean
  readonly policy: AddressPolicy
  readonly publicBootstrap: boolean
  readonly dht: 'off' | 'public' | 'private'
  readonly natTraversal: boolean
}

/** @throws TransportError `bad-address` where an address that was asked for cannot be had. */
export async function hostNetwork(options: Libp2pHostOptions, notes: Notes): Promise<HostNetwork> {
  const scope = await networkScope(options.networkSecret)
  const bootstrap = options.bootstrap ?? 'public'
  const { addresses: listen, moved } = await claimListenAddresses(options.listen, notes)
  const onlyLoopback = listen.every((address) => kindOf(address) === 'loopback')
  const onlyPrivate = options.privateAddressesOnly ?? scope.preSharedKey !== undefined
  return {
    scope,
    listen,
    moved,
    policy: addressPolicy({
      privateAddressesOnly: onlyPrivate,
      allowLoopback: options.allowLoopback ?? onlyLoopback,
    }),
    publicBootstrap: bootstrap === 'public' && scope.preSharedKey === undefined,
    dht: scope.preSharedKey ? 'private' : bootstrap === 'none' ? 'off' : 'public',
    natTraversal: !onlyPrivate && !onlyLoopback,
  }
}
