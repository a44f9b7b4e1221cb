import type { CircuitRelayServerComponents, CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { Stream } from '@libp2p/interface'
import type { PeerId } from '@starling/federation'
import type { Clock } from '@starling/protocol'

/**
 * What this node carries for others as a circuit relay (GOTCHAS 8). The protocol's default limits (128 KiB, 2 minutes, 15
 * reservations) break a session, so they are off; instead only admitted peers get a reservation, each with a byte budget.
 */
export interface RelayQuotaOptions {
  readonly maxReservations: number
  /** Relayed bytes, both directions together, charged to whoever holds the reservation and to whoever dials it. */
  readonly maxBytesPerPeerPerHour: number
}

export const RELAY_QUOTA: RelayQuotaOptions = {
  maxReservations: 128,
  maxBytesPerPeerPerHour: 2 * 1024 ** 3,
}

const HOUR_MS = 3600_000
/** Budgets kept; the one opened longest ago is dropped first. */
const MAX_BUDGETS = 4096

export interface RelayQuota {
  /** Who may reserve or be relayed; nobody until it is set. */
  setAdmission(admits: (peer: PeerId) => boolean): void
  deniesReservation(peer: PeerId): boolean
  deniesRelaying(from: PeerId, to: PeerId): boolean
  /** Counts what goes over this hop stream of the peer and resets it when the budget is spent. */
  meter(stream: Stream, peer: PeerId): void
}

export function relayQuota(clock: Clock, options: RelayQuotaOptions = RELAY_QUOTA): RelayQuota {
  let admits: (peer: PeerId) => boolean = () => false
  const budgets = new Map<PeerId, { since: number; bytes: number }>()

  function budgetOf(peer: PeerId): { since: number; bytes: number } {
    const now = clock.now()
    const current = budgets.get(peer)
    if (current && now - current.since < HOUR_MS) return current
    const fresh = { since: now, bytes: 0 }
    budgets.delete(peer)
    budgets.set(peer, fresh)
    for (const oldest of budgets.keys()) {
      if (budgets.size <= MAX_BUDGETS) break
      budgets.delete(oldest)
    }
    return fresh
  }

  const spent = (peer: PeerId) => budgetOf(peer).bytes >= options.maxBytesPerPeerPerHour

  return {
    setAdmission(admission) {
      admits = admission
    },
    deniesReservation: (peer) => !admits(peer) || spent(peer),
    // Either side may be a stranger to this node; the one that reserved is not.
    deniesRelaying: (from, to) => !admits(to) || spent(from) || spent(to),
    meter(stream, peer) {
      const count = (bytes: number) => {
        const budget = budgetOf(peer)
        budget.bytes += bytes
        if (budget.bytes < options.maxBytesPerPeerPerHour) return
        stream.abort(new Error('this relay has carried as much for the peer as it does in an hour'))
      }
      stream.addEventListener('message', ({ data }) => count(data.byteLength))
      const send = stream.send.bind(stream)
      stream.send = (data) => {
        const canSendMore = send(data)
        count(data.byteLength)
        return canSendMore
      }
    },
  }
}

/**
 * The relay server with `quota` on every hop stream. The server keeps its streams to itself, so they are metered where libp2p
 * hands them over: in the registrar that the server registers its handler with.
 */
export function meteredRelayServer(
  create: (components: CircuitRelayServerComponents) => CircuitRelayService,
  quota: RelayQuota,
): (components: CircuitRelayServerComponents) => CircuitRelayService {
  return (components) => {
    const registrar = new Proxy(components.registrar, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (property === 'handle') {
          const handle: typeof target.handle = (protocol, handler, handleOptions) =>
            target.handle(
              protocol,
              (stream, connection) => {
                quota.meter(stream, connection.remotePeer.toString() as PeerId)
                return handler(stream, connection)
              },
              handleOptions,
            )
          return handle
        }
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    return create(
      new Proxy(components, {
        get: (target, property) => (property === 'registrar' ? registrar : Reflect.get(target, property, target)),
      }),
    )
  }
}
