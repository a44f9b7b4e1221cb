import { createHash } from 'node:crypto'
import { type JsonObject, type KeyId, ownValue, type ServerName, signJson, type UserId } from '@starling/protocol'
import { testCrypto } from './test-crypto.ts'

/** Public keys of the servers of one test, by name: what nodes of that test believe. */
export type FakeKeyDirectory = Map<ServerName, Uint8Array>

const KEY_ID = 'ed25519:test' as KeyId

/**
 * federation's `KeyRing` for a server that is nothing but a name: its only key is derived from the name, and rings that share
 * a directory know one another's. Real Ed25519, no identity keys, no peers.
 */
export class FakeKeyRing {
  readonly serverName: ServerName
  readonly #seed: Uint8Array
  readonly #directory: FakeKeyDirectory

  constructor(serverName: string, directory: FakeKeyDirectory = new Map()) {
    this.serverName = serverName as ServerName
    this.#seed = new Uint8Array(createHash('sha256').update(serverName).digest())
    this.#directory = directory
    directory.set(this.serverName, testCrypto.ed25519.publicKey(this.#seed))
  }

  userId(localpart: string): UserId {
    return `@${localpart}:${this.serverName}` as UserId
  }

  ownServerKeys(): JsonObject {
    return { server_name: this.serverName }
  }

  async admit(serverKeys: unknown): Promise<{ ok: true; server: ServerName } | { ok: false; reason: string }> {
    const server = ownValue((serverKeys ?? {}) as JsonObject, 'server_name') as ServerName | undefined
    return server && this.#directory.has(server) ? { ok: true, server } : { ok: false, reason: 'unknown server' }
  }

  async verifyKey(server: ServerName, keyId: string): Promise<Uint8Array | undefined> {
    return keyId === KEY_ID ? this.#directory.get(server) : undefined
  }

  async serverKeysOf(server: ServerName): Promise<JsonObject | undefined> {
    return this.#directory.has(server) ? { server_name: server } : undefined
  }

  sign(json: JsonObject): JsonObject {
    return signJson(json, { server: this.serverName, keyId: KEY_ID, seed: this.#seed }, testCrypto.ed25519)
  }

  serverOfPeer(): undefined {
    return undefined
  }

  peersOf(): readonly never[] {
    return []
  }
}
