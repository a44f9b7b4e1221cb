import type { MatrixApi } from '@starling/matrix-api'
import type { UserId } from '@starling/protocol'
import type { NodeControl } from '../control/control-routes.ts'
import type { NodeInfo } from '../control/node-info.ts'
import type { Libp2pHost } from '../libp2p/host.ts'
import type { Counters } from './counters.ts'
import type { OpenFederation } from './federation.ts'
import { joinStatus } from './join-status.ts'

/** People shown by `starling search`. */
const MAX_FOUND = 20

export interface ControlParts {
  readonly info: () => NodeInfo
  readonly api: MatrixApi
  readonly owner: UserId
  readonly federation: OpenFederation
  readonly host: Libp2pHost
  readonly counters: Counters
}

/** What the subcommands ask, answered from the running parts. */
export function nodeControl({ info, api, owner, federation, host, counters }: ControlParts): NodeControl {
  const { keys, net, rooms, exchange } = federation
  return {
    // Addresses change while the node runs (relays, networks): asked anew.
    info: () => ({ ...info(), multiaddrs: host.transport.multiaddrs() }),
    async status() {
      return {
        ...this.info(),
        uptime: process.uptime(),
        rooms: (await rooms.engine.joinedRooms()).length,
        peers: host.transport.connectedPeers().length,
        servers: keys.bindings.servers().length,
        counters: counters.values(),
        joins: this.joins(),
      }
    },
    peers: () =>
      host.transport.connectedPeers().map((peer) => ({
        peer_id: peer,
        server_name: keys.keyRing.serverOfPeer(peer) ?? null,
      })),
    joins: () => exchange.joins.list().map(joinStatus),
    async search(term, signal) {
      const found = await net.userSearch.search(term, MAX_FOUND, { signal })
      return found.map(({ userId, displayName }) => ({ user_id: userId, display_name: displayName ?? null }))
    },
    async issueOwnerToken() {
      const { deviceId, accessToken } = await api.issueToken(owner, 'starling token')
      return { user_id: owner, device_id: deviceId, access_token: accessToken }
    },
  }
}
