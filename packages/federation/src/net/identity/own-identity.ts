import type { JsonObject, ServerName } from '@starling/protocol'
import { encodeBase64, serverNameFromPublicKey, signJson, withSignature } from '@starling/protocol'
import type { PeerId } from '../../ports.ts'
import { Table } from '../../store/table.ts'
import { NetBucket } from '../buckets.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import { parseServerKeys, type ServerKeys, signServerKeys } from './server-keys.ts'
import { SigningKeys } from './signing-keys.ts'

const published = new Table<[string], JsonObject>(NetBucket.ownServerKeys, ['text'])
const DOCUMENT = 'doc'
const SIBLINGS = 'siblings'

/** Keys and PeerIds that other nodes of this identity published. */
interface Siblings {
  readonly verifyKeys: Map<string, { readonly key: string; readonly until: number }>
  readonly oldVerifyKeys: Map<string, { readonly key: string; readonly expiredTs: number }>
  readonly peers: Map<PeerId, number>
}

/**
 * Who this node is: the identity key (handed in; node keeps the file), the signing key, and `server_keys` that bind the
 * signing keys and PeerIds to the name. Republished daily, so that it is always valid for six days and more.
 */
export class OwnIdentity {
  readonly serverName: ServerName
  readonly #ground: Ground
  readonly #seed: Uint8Array
  readonly #peerId: PeerId
  readonly #signing: SigningKeys
  readonly #siblings: Siblings
  readonly #watchers = new Set<() => void>()
  #document: ServerKeys

  private constructor(
    ground: Ground,
    seed: Uint8Array,
    peerId: PeerId,
    signing: SigningKeys,
    siblings: Siblings,
    document: ServerKeys,
  ) {
    this.serverName = document.server
    this.#ground = ground
    this.#seed = seed
    this.#peerId = peerId
    this.#signing = signing
    this.#siblings = siblings
    this.#document = document
  }

  static async open(ground: Ground, identitySeed: Uint8Array, peerId: PeerId): Promise<OwnIdentity> {
    const serverName = serverNameFromPublicKey(ground.crypto.ed25519.publicKey(identitySeed))
    const signing = await SigningKeys.open(ground, serverName)
    await signing.rotateIfDue()
    const siblings = readSiblings(await published.get(ground.store, SIBLINGS))
    const stored = parseServerKeys(await published.get(ground.store, DOCUMENT))
    const before = stored.ok && stored.keys.server === serverName ? stored.keys : undefined
    const parts = { ground, serverName, identitySeed, peerId, signing, siblings }
    const identity = new OwnIdentity(ground, identitySeed, peerId, signing, siblings, build(parts, before))
    if (before && identity.#isCurrent(before)) identity.#document = before
    else await identity.#save()
    return identity
  }

  get serverKeys(): JsonObject {
    return this.#document.json
  }

  get document(): ServerKeys {
    return this.#document
  }

  sign(json: JsonObject): JsonObject {
    return signJson(json, this.#signing.signer, this.#ground.crypto.ed25519)
  }

  /** The `signatures` of an object whose canonical form, without those, these bytes are. */
  signBytes(bytes: Uint8Array): JsonObject {
    const { signer } = this.#signing
    const signature = this.#ground.crypto.ed25519.sign(signer.seed, bytes)
    return withSignature({}, signer, signature).signatures as JsonObject
  }

  /** Told whenever `serverKeys` are new. Returns the way to stop. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Rotates the signing key and republishes where that is due; true if `serverKeys` are new. */
  async refreshIfDue(): Promise<boolean> {
    const rotated = await this.#signing.rotateIfDue()
    if (!rotated && this.#isCurrent(this.#document)) return false
    await this.#publish()
    return true
  }

  /**
   * Another node of the same identity has published: from now on both documents name both nodes. True if ours changed.
   * `keys` is verified.
   */
  async adopt(keys: ServerKeys): Promise<boolean> {
    let changed = false
    for (const [keyId, key] of keys.verifyKeys) {
      if (keyId === this.#signing.signer.keyId || this.#signing.old.has(keyId)) continue
      const known = this.#siblings.verifyKeys.get(keyId)
      if (known && known.until >= keys.validUntilTs) continue
      changed ||= !known
      this.#siblings.verifyKeys.set(keyId, { key: encodeBase64(key), until: keys.validUntilTs })
    }
    for (const [keyId, old] of keys.oldVerifyKeys) {
      if (this.#signing.old.has(keyId) || this.#siblings.oldVerifyKeys.has(keyId)) continue
      changed = true
      this.#siblings.verifyKeys.delete(keyId)
      this.#siblings.oldVerifyKeys.set(keyId, { key: encodeBase64(old.key), expiredTs: old.expiredTs })
    }
    for (const [peer, until] of keys.peers) {
      if (peer === this.#peerId || (this.#siblings.peers.get(peer) ?? 0) >= until) continue
      changed ||= !this.#siblings.peers.has(peer)
      this.#siblings.peers.set(peer, until)
    }
    if (changed) await this.#publish()
    return changed
  }

  #isCurrent(document: ServerKeys): boolean {
    const now = this.#ground.clock.now()
    const remaining = document.validUntilTs - now
    return (
      remaining > netLimits.keyValidityMs - netLimits.keyRefreshMs &&
      remaining <= netLimits.keyValidityMs + netLimits.keyValiditySlackMs &&
      document.verifyKeys.has(this.#signing.signer.keyId) &&
      document.peers.has(this.#peerId)
    )
  }

  async #publish(): Promise<void> {
    this.#document = build(
      {
        ground: this.#ground,
        serverName: this.serverName,
        identitySeed: this.#seed,
        peerId: this.#peerId,
        signing: this.#signing,
        siblings: this.#siblings,
      },
      this.#document,
    )
    await this.#save()
    for (const watcher of [...this.#watchers]) watcher()
  }

  async #save(): Promise<void> {
    await this.#ground.store.batch([
      published.put([DOCUMENT], this.#document.json),
      published.put([SIBLINGS], siblingsJson(this.#siblings)),
    ])
  }
}

interface Parts {
  readonly ground: Ground
  readonly serverName: ServerName
  readonly identitySeed: Uint8Array
  readonly peerId: PeerId
  readonly signing: SigningKeys
  readonly siblings: Siblings
}

function build(parts: Parts, before: ServerKeys | undefined): ServerKeys {
  const now = parts.ground.clock.now()
  const validUntil = nextValidUntil(now, before)
  const { verifyKeys, oldVerifyKeys, peers } = parts.siblings
  const old: Record<string, JsonObject> = {}
  const current: Record<string, JsonObject> = {}
  for (const [keyId, { key, expiredTs }] of [...oldVerifyKeys, ...parts.signing.old]) {
    old[keyId] = { key, expired_ts: expiredTs }
  }
  for (const [keyId, { key, until }] of verifyKeys) {
    if (until > now) current[keyId] = { key }
    else old[keyId] = { key, expired_ts: until }
  }
  current[parts.signing.signer.keyId] = { key: encodeBase64(parts.signing.publicKey) }
  const siblings = [...peers].filter(([, until]) => until > now)
  const json: JsonObject = {
    server_name: parts.serverName,
    valid_until_ts: validUntil,
    verify_keys: current,
    old_verify_keys: newest(old, netLimits.oldVerifyKeys),
    peers: [[parts.peerId, validUntil] as const, ...siblings]
      .slice(0, netLimits.peersPerServer)
      .map(([peer, until]) => ({ peer_id: peer, valid_until_ts: until })),
  }
  const signed = signServerKeys(json, parts.serverName, parts.identitySeed, parts.ground.crypto.ed25519)
  const result = parseServerKeys(signed)
  if (!result.ok) throw new Error(`own server_keys are not what others would take: ${result.reason}`)
  return result.keys
}

/**
 * Later than every document before, so that others take it for newer even if the clock was set back; unless the earlier one
 * lies so far ahead (made under a wrong clock) that nobody can have taken it.
 */
function nextValidUntil(now: number, before: ServerKeys | undefined): number {
  const fresh = now + netLimits.keyValidityMs
  if (!before || before.validUntilTs > fresh + netLimits.keyValiditySlackMs) return fresh
  return Math.max(fresh, before.validUntilTs + 1)
}

function newest(old: Record<string, JsonObject>, limit: number): JsonObject {
  const entries = Object.entries(old).sort(([, a], [, b]) => Number(b.expired_ts) - Number(a.expired_ts))
  return Object.fromEntries(entries.slice(0, limit))
}

function readSiblings(json: JsonObject | undefined): Siblings {
  const stored = json as
    | {
        verifyKeys: [string, { key: string; until: number }][]
        oldVerifyKeys: [string, { key: string; expiredTs: number }][]
        peers: [PeerId, number][]
      }
    | undefined
  return {
    verifyKeys: new Map(stored?.verifyKeys),
    oldVerifyKeys: new Map(stored?.oldVerifyKeys),
    peers: new Map(stored?.peers),
  }
}

function siblingsJson(siblings: Siblings): JsonObject {
  return {
    verifyKeys: [...siblings.verifyKeys],
    oldVerifyKeys: [...siblings.oldVerifyKeys],
    peers: [...siblings.peers],
  }
}
