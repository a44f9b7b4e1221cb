import { createServer } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import type { Notes } from './datastore.ts'
import { TransportError } from './transport-error.ts'

/** Where a node listens unless told otherwise (DESIGN section 7). */
export const DEFAULT_LISTEN: readonly string[] = ['/ip4/0.0.0.0/tcp/4009', '/ip6/::/tcp/4009']

const NOTE = 'listen-port'

/** A port of the dynamic range (RFC 6335) that one address got and its IPv6 twin cannot have is tried again this often. */
const MAX_ATTEMPTS = 8

/**
 * The addresses to listen on. Those that a person asked for are taken as they are: if one is in use, starting fails.
 * The default ones fall back to a free port, which is noted in the datastore and tried first at the next start, so that the
 * node's addresses stay what peers remember.
 * @throws TransportError `bad-address` for an address that this machine does not have or that is in use.
 */
export async function claimListenAddresses(
  asked: readonly string[] | undefined,
  notes: Notes,
): Promise<{ readonly addresses: readonly string[]; readonly moved: boolean }> {
  if (asked) {
    for (const address of asked) await requireFree(multiaddr(address))
    return { addresses: asked, moved: false }
  }
  const addresses = await withoutMissingFamilies(DEFAULT_LISTEN)
  const remembered = await notes.read(NOTE)
  const candidates = [typeof remembered === 'number' ? remembered : undefined, portOf(DEFAULT_LISTEN[0])]
  for (const port of candidates) {
    if (port !== undefined && (await allFree(addresses, port))) return claimed(addresses, port, remembered, notes)
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = await freePort(addresses[0] ?? '')
    if (await allFree(addresses.slice(1), port)) return claimed(addresses, port, remembered, notes)
  }
  throw new TransportError('bad-address', 'found no port that is free on every address')
}

async function claimed(addresses: readonly string[], port: number, remembered: unknown, notes: Notes) {
  if (port !== remembered) await notes.write(NOTE, port)
  return {
    addresses: addresses.map((address) => withPort(address, port)),
    moved: port !== portOf(DEFAULT_LISTEN[0]),
  }
}

async function withoutMissingFamilies(addresses: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    addresses.map(async (address) => ((await probe(multiaddr(withPort(address, 0)))) === 'missing' ? [] : [address])),
  )
  return found.flat()
}

async function allFree(addresses: readonly string[], port: number): Promise<boolean> {
  const outcomes = await Promise.all(addresses.map((address) => probe(multiaddr(withPort(address, port)))))
  return outcomes.every((outcome) => typeof outcome === 'number')
}

async function freePort(address: string): Promise<number> {
  const outcome = await probe(multiaddr(withPort(address, 0)))
  if (typeof outcome !== 'number') throw new TransportError('bad-address', `cannot listen on ${address}`)
  return outcome
}

async function requireFree(address: Multiaddr): Promise<void> {
  if (!isSocket(address)) return
  const outcome = await probe(address)
  if (outcome === 'in-use') throw new TransportError('bad-address', `${address} is in use by another program`)
  if (outcome === 'missing') throw new TransportError('bad-address', `${address} is not an address of this machine`)
}

/** Binds and lets go: the port that was got, or why there is none. */
async function probe(address: Multiaddr): Promise<number | 'in-use' | 'missing'> {
  const [ip, tcp] = address.getComponents()
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<number | 'in-use' | 'missing'>()
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve('in-use')
    else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve('missing')
    else reject(error)
  })
  server.listen({ host: ip?.value ?? '', port: Number(tcp?.value), ipv6Only: ip?.name === 'ip6' }, () => {
    const bound = server.address()
    const port = typeof bound === 'object' && bound ? bound.port : 0
    server.close(() => resolve(port))
  })
  return promise
}

function isSocket(address: Multiaddr): boolean {
  const [ip, tcp] = address.getComponents()
  return (ip?.name === 'ip4' || ip?.name === 'ip6') && tcp?.name === 'tcp'
}

function portOf(address: string | undefined): number | undefined {
  const port = address === undefined ? undefined : multiaddr(address).getComponents()[1]?.value
  return port === undefined ? undefined : Number(port)
}

function withPort(address: string, port: number): string {
  return address.replace(/\/tcp\/\d+/, `/tcp/${port}`)
}
