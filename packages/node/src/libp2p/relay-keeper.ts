import type { Listener } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Logger } from '@starling/protocol'

const INTERVAL_MS = 15_000

/** What the keeper needs of libp2p: starting to listen, and the listeners that this made, in the order of the addresses. */
export interface CircuitListening {
  listen(addresses: Multiaddr[]): Promise<void>
  readonly listeners: readonly Listener[]
}

/**
 * Listens through the configured relays, and again whenever a reservation is gone: a relay that is down at start or for a while
 * neither stops the node nor is given up (GOTCHAS 8).
 */
export function keepRelayed(relays: readonly string[], circuits: CircuitListening, log: Logger): { stop(): void } {
  const addresses = relays.map((relay) => multiaddr(relay).encapsulate('/p2p-circuit'))
  const trying = new Set<number>()

  async function attempt(index: number, address: Multiaddr): Promise<void> {
    if (trying.has(index)) return
    trying.add(index)
    try {
      const listener = circuits.listeners[index]
      if (listener) await listener.listen(address)
      else await circuits.listen([address])
    } catch (error) {
      log.debug({ err: error, relay: String(address) }, 'no reservation at the relay')
    } finally {
      trying.delete(index)
    }
  }

  const round = async () => {
    // One after the other, so that the listeners come to be in the order of the addresses.
    for (const [index, address] of addresses.entries()) {
      const reserved = (circuits.listeners[index]?.getAddrs().length ?? 0) > 0
      if (!reserved) await attempt(index, address)
    }
  }
  const run = () => void round().catch((error: unknown) => log.warn({ err: error }, 'relays not looked after'))
  if (addresses.length > 0) run()
  const timer = setInterval(run, INTERVAL_MS)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
