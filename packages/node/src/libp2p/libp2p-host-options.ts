import type { Clock, Logger } from '@starling/protocol'

export interface Libp2pHostOptions {
  /** 32-byte Ed25519 seed of the PeerId. Without one it is made and kept in the datastore. */
  readonly transportSeed?: Uint8Array
  /** LevelDB directory for what is worth knowing at the next start: peers, the port, DHT records. Without one: memory. */
  readonly datastoreDirectory?: string
  /**
   * Addresses to listen on, taken as they are. Without them port 4009 on all interfaces, or the free port that was got the last
   * time that 4009 was in use.
   */
  readonly listen?: readonly string[]
  /** Addresses to announce besides those listened on: the public name of a relay, a forwarded port. */
  readonly announce?: readonly string[]
  readonly mdns?: boolean
  /** First contacts: the public DHT's, own ones with `/p2p/…`, or none (then there is no DHT, unless in a private network). */
  readonly bootstrap?: 'public' | 'none' | readonly string[]
  /** Static relays, each with `/p2p/…`. */
  readonly relays?: readonly string[]
  /** Only nodes with the same text can talk to this one. Empty: the public network. */
  readonly networkSecret?: string
  /** Whether only private ranges are dialled. Default: in a private network. Explicitly given addresses always are. */
  readonly privateAddressesOnly?: boolean
  /** Whether loopback addresses that peers offer are dialled. Default: only where nothing but loopback is listened on. */
  readonly allowLoopback?: boolean
  readonly logger: Logger
  readonly clock?: Clock
}

/** The IPFS project's bootstrap nodes (docs.ipfs.tech, "Public utilities"). */
export const PUBLIC_BOOTSTRAP: readonly string[] = [
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt',
  '/dnsaddr/va1.bootstrap.libp2p.io/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8',
]
