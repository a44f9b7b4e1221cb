import { hkdfSync, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

/** What tells one Starling network from another: nodes that differ in any of these never talk. */
export interface NetworkScope {
  /** 32-byte pre-shared key that covers every connection; undefined on the public network. */
  readonly preSharedKey: Uint8Array | undefined
  /** mDNS service: nodes of different networks on one LAN do not even see each other. */
  readonly mdnsServiceTag: string
  readonly dhtProtocol: string
}

export const PUBLIC_NETWORK: NetworkScope = {
  preSharedKey: undefined,
  mdnsServiceTag: '_starling._udp.local',
  // The public IPFS DHT: millions of nodes keep our provider records, none of them needs to know us.
  dhtProtocol: '/ipfs/kad/1.0.0',
}

/** scrypt's cost: about 100 ms and 32 MiB once per start, so that a guessed secret costs an attacker as much. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 } as const
const SALT = 'starling network secret v1'

/**
 * The scope of the private network that a secret text names. The same text gives the same scope on every node; the network's
 * public name (in the mDNS tag and the DHT's protocol) is derived apart from the key and does not give it away.
 */
export async function networkScope(secret: string | undefined): Promise<NetworkScope> {
  if (secret === undefined || secret === '') return PUBLIC_NETWORK
  const stretched = await promisify<string, string, number, typeof SCRYPT, Buffer>(scrypt)(
    secret.normalize('NFC'),
    SALT,
    32,
    SCRYPT,
  )
  const derive = (purpose: string, bytes: number) =>
    new Uint8Array(hkdfSync('sha256', stretched, SALT, `starling ${purpose}`, bytes))
  const name = Buffer.from(derive('network name', 8)).toString('hex')
  return {
    preSharedKey: derive('pre-shared key', 32),
    mdnsServiceTag: `_starling-${name}._udp.local`,
    dhtProtocol: `/starling/${name}/kad/1.0.0`,
  }
}
