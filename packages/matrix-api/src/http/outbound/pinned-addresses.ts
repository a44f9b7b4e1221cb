import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { OutboundError } from './outbound-error.ts'
import { isPublicAddress } from './public-address.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** The addresses of a host name. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>

export const resolveBySystem: Resolve = (hostname) => lookup(hostname, { all: true, verbatim: true })

/**
 * Where a request may connect to: what the host name resolves to now, as far as it is public. The connection is then made to
 * these and no name is resolved again, so that a name server cannot say one thing here and another one later (DNS
 * rebinding). Throws `OutboundError`.
 */
export async function publicAddressesOf(
  url: URL,
  resolve: Resolve,
  isPublic: (address: string) => boolean = isPublicAddress,
): Promise<readonly ResolvedAddress[]> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const family = isIP(hostname)
  const found = family === 0 ? await resolved(hostname, resolve) : [{ address: hostname, family }]
  const usable = found.filter(({ address }) => isPublic(address))
  if (usable.length > 0) return usable
  throw new OutboundError('forbidden-address', 'The address lies on this machine or its networks')
}

async function resolved(hostname: string, resolve: Resolve): Promise<readonly ResolvedAddress[]> {
  try {
    const addresses = await resolve(hostname)
    if (addresses.length > 0) return addresses
  } catch (cause) {
    throw new OutboundError('unresolvable', 'The host name leads nowhere', { cause })
  }
  throw new OutboundError('unresolvable', 'The host name leads nowhere')
}

/** For `http.request`: answers with these addresses whatever is asked. */
export function pinnedLookup(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses
    if (options.all) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
}
