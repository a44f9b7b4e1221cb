import type { JsonObject, ServerName } from '@starling/protocol'
import { encodeBase64, isJsonObject } from '@starling/protocol'
import type { KeyRing } from '../../contracts.ts'
import type { PeerId } from '../../ports.ts'
import { LruMap } from '../../store/lru-map.ts'
import { Table } from '../../store/table.ts'
import { NetBucket } from '../buckets.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import type { OwnIdentity } from './own-identity.ts'
import type { PeerBindings } from './peer-bindings.ts'
import { canonicalText, isSignedByIdentity, keyValidAt, parseServerKeys, type ServerKeys } from './server-keys.ts'

const rows = new Table<[ServerName], JsonObject>(NetBucket.serverKeys, ['text'])
const utf8 = new TextEncoder()

interface Known {
  readonly keys: ServerKeys
  readonly stored: boolean
}

export type Admission =
  | { readonly ok: true; readonly server: ServerName }
  | { readonly ok: false; readonly reason: string }

/**
 * Keys by server name. The newest `server_keys` of each server (by `valid_until_ts`) stands alone: what it leaves out is
 * revoked. Expired ones are taken too, for events from when they were valid. `keep: false` holds them in memory only,
 * so that passing strangers do not fill the disk.
 */
export class ServerKeyRing implements KeyRing {
  readonly #ground: Ground
  readonly #identity: OwnIdentity
  readonly #bindings: PeerBindings
  readonly #known = new LruMap<ServerName, Known>(netLimits.serverKeysInMemory)
  /** Hashes of valid documents that were not the newest. */
  readonly #verified = new LruMap<string, true>(netLimits.verifiedRemembered)

  constructor(ground: Ground, identity: OwnIdentity, bindings: PeerBindings) {
    this.#ground = ground
    this.#identity = identity
    this.#bindings = bindings
  }

  get serverName(): ServerName {
    return this.#identity.serverName
  }

  ownServerKeys(): JsonObject {
    return this.#identity.serverKeys
  }

  sign(json: JsonObject): JsonObject {
    return this.#identity.sign(json)
  }

  /** As `OwnIdentity.signBytes`. */
  signBytes(bytes: Uint8Array): JsonObject {
    return this.#identity.signBytes(bytes)
  }

  async admit(
    serverKeys: unknown,
    options: { readonly keep?: boolean; readonly storing?: Promise<void>[] } = {},
  ): Promise<Admission> {
    const keep = options.keep ?? true
    const held = this.#heldAlready(serverKeys)
    if (held && (held.stored || !keep)) return { ok: true, server: held.keys.server }
    const parsed = parseServerKeys(serverKeys)
    if (!parsed.ok) return parsed
    const { keys } = parsed
    const admitted: Admission = { ok: true, server: keys.server }
    const known = await this.#find(keys.server)
    if (known?.keys.text === keys.text) {
      if (keep && !known.stored) await this.#remember(keys, true, options.storing)
      return admitted
    }
    const older = known !== undefined && known.keys.validUntilTs >= keys.validUntilTs
    const hash = encodeBase64(this.#ground.crypto.sha256(utf8.encode(keys.text)))
    if (older && this.#verified.get(hash)) return admitted
    if (keys.validUntilTs > this.#ground.clock.now() + netLimits.keyValidityMs + netLimits.keyValiditySlackMs) {
      return { ok: false, reason: 'valid-for-too-long' }
    }
    if (!isSignedByIdentity(keys, this.#ground.crypto.ed25519)) return { ok: false, reason: 'bad-signature' }
    if (keys.server === this.serverName) await this.#identity.adopt(keys)
    else if (older || this.#holdsNewer(keys)) this.#verified.set(hash, true)
    else {
      await this.#remember(keys, keep || (known?.stored ?? false), options.storing)
      this.#bindings.keysChanged(keys)
    }
    return admitted
  }

  /** Of documents that are admitted at the same time the newest stands, whichever was quicker. */
  #holdsNewer(keys: ServerKeys): boolean {
    const held = this.#known.get(keys.server)
    return held !== undefined && held.keys.validUntilTs >= keys.validUntilTs
  }

  /** Keys of that server that are held in memory only are stored: it has come to matter. */
  async keep(server: ServerName): Promise<void> {
    const held = this.#known.get(server)
    if (held && !held.stored) await this.#remember(held.keys, true)
  }

  async verifyKey(server: ServerName, keyId: string, at: number): Promise<Uint8Array | undefined> {
    const known = await this.#find(server)
    return known && keyValidAt(known.keys, keyId, at, this.#ground.clock.now())
  }

  async serverKeysOf(server: ServerName): Promise<JsonObject | undefined> {
    return (await this.#find(server))?.keys.json
  }

  /** PeerIds that the server's newest known document authorises, connected or not: where to dial it. */
  async knownPeers(server: ServerName): Promise<readonly PeerId[]> {
    return [...((await this.#find(server))?.keys.peers.keys() ?? [])]
  }

  async documentOf(server: ServerName): Promise<ServerKeys | undefined> {
    return (await this.#find(server))?.keys
  }

  serverOfPeer(peer: PeerId): ServerName | undefined {
    return this.#bindings.serverOf(peer)
  }

  peersOf(server: ServerName): readonly PeerId[] {
    return this.#bindings.peersOf(server)
  }

  /** The usual case, ten times cheaper than parsing: the very document that is held in memory. */
  #heldAlready(serverKeys: unknown): Known | undefined {
    if (!isJsonObject(serverKeys)) return undefined
    const held = this.#known.get(serverKeys.server_name as ServerName)
    if (!held) return undefined
    // Mostly it has come in canonical form, in the bytes of a canonical message: no need to sort it again to see that.
    return JSON.stringify(serverKeys) === held.keys.text || canonicalText(serverKeys) === held.keys.text
      ? held
      : undefined
  }

  async #find(server: ServerName): Promise<Known | undefined> {
    if (server === this.serverName) return { keys: this.#identity.document, stored: true }
    const held = this.#known.get(server)
    if (held) return held
    const row = await rows.get(this.#ground.store, server)
    if (row === undefined) return undefined
    const parsed = parseServerKeys(row)
    if (!parsed.ok) throw new Error(`stored server_keys of ${server} are corrupt: ${parsed.reason}`)
    const known = { keys: parsed.keys, stored: true }
    // Another call may have put newer ones in while this one read.
    const meanwhile = this.#known.get(server)
    if (meanwhile) return meanwhile
    this.#known.set(server, known, known.keys.text.length)
    return known
  }

  async #remember(keys: ServerKeys, keep: boolean, storing?: Promise<void>[]): Promise<void> {
    this.#known.set(keys.server, { keys, stored: keep }, keys.text.length)
    if (!keep) return
    const stored = this.#ground.store.batch([rows.put([keys.server], keys.json)])
    if (!storing) return stored
    // Looked at by whoever waits for all of these; a failure before that must not count as unhandled.
    stored.catch(() => undefined)
    storing.push(stored)
  }
}
