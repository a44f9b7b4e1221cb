import type { KeyRing, PeerId } from '@starling/federation'
import {
  type Crypto,
  type JsonObject,
  type KeyId,
  ownValue,
  type Pdu,
  type ServerName,
  serverOf,
  signJson,
  type UserId,
} from '@starling/protocol'

/** Public keys of the nodes of one schedule: what each of them believes. */
export type KeyDirectory = Map<ServerName, Uint8Array>

const KEY_ID = 'ed25519:sim' as KeyId

export interface KeyParts {
  readonly serverName: ServerName
  readonly directory: KeyDirectory
  readonly crypto: Crypto
  isConnected(server: ServerName): boolean
}

/** The key ring of one node: real Ed25519, one key that follows from the name, peers as the simulated network has them. */
export function simulatedKeyRing({ serverName, directory, crypto, isConnected }: KeyParts): KeyRing {
  const seed = crypto.sha256(new TextEncoder().encode(serverName))
  directory.set(serverName, crypto.ed25519.publicKey(seed))
  return {
    serverName,
    ownServerKeys: () => ({ server_name: serverName }),
    async admit(serverKeys) {
      const server = ownValue((serverKeys ?? {}) as JsonObject, 'server_name') as ServerName | undefined
      return server && directory.has(server) ? { ok: true, server } : { ok: false, reason: 'unknown server' }
    },
    verifyKey: async (server, keyId) => (keyId === KEY_ID ? directory.get(server) : undefined),
    serverKeysOf: async (server) => (directory.has(server) ? { server_name: server } : undefined),
    sign: (json) => signJson(json, { server: serverName, keyId: KEY_ID, seed }, crypto.ed25519),
    serverOfPeer: (peer) => peer as string as ServerName,
    peersOf: (server) => (isConnected(server) ? [server as string as PeerId] : []),
  }
}

export function userOf(server: ServerName, localpart: string): UserId {
  return `@${localpart}:${server}` as UserId
}

/** The event as it travels: with its server's keys beside it. */
export function carried(pdu: Pdu): JsonObject {
  return { ...pdu.json, server_keys: { server_name: serverOf(pdu.sender) } }
}
