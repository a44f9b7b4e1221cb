import type { KeyId, Signer } from '@starling/protocol'
import { decodeBase64, encodeBase64, type ServerName } from '@starling/protocol'
import { Table } from '../../store/table.ts'
import { NetBucket } from '../buckets.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'

/** `seed` only while the key signs; `expiredTs` once it does not. Base64 without padding. */
interface SigningKeyRow {
  readonly key: string
  readonly seed?: string
  readonly created: number
  readonly expiredTs?: number
}

const rows = new Table<[string], SigningKeyRow>(NetBucket.signingKey, ['text'])

export interface OldKey {
  readonly key: string
  readonly expiredTs: number
}

/** This node's signing keys: one that signs, and the public halves of those that did. */
export class SigningKeys {
  readonly #ground: Ground
  readonly #server: ServerName
  readonly #old = new Map<string, OldKey>()
  #signer: Signer
  #publicKey: Uint8Array
  #created: number

  private constructor(ground: Ground, server: ServerName, current: CurrentKey) {
    this.#ground = ground
    this.#server = server
    this.#signer = { server, keyId: current.keyId, seed: current.seed }
    this.#publicKey = current.publicKey
    this.#created = current.created
  }

  static async open(ground: Ground, server: ServerName): Promise<SigningKeys> {
    const old = new Map<string, OldKey>()
    let current: CurrentKey | undefined
    for await (const { key, value } of rows.scan(ground.store, [])) {
      const seed = decodeBase64(value.seed)
      if (seed) current = currentKey(ground, seed, value.created)
      else if (value.expiredTs !== undefined) old.set(key[0], { key: value.key, expiredTs: value.expiredTs })
    }
    if (!current) {
      current = currentKey(ground, ground.randomBytes(32), ground.clock.now())
      await ground.store.batch([rows.put([current.keyId], rowOf(current))])
    }
    const keys = new SigningKeys(ground, server, current)
    for (const [keyId, key] of old) keys.#old.set(keyId, key)
    return keys
  }

  get signer(): Signer {
    return this.#signer
  }

  get publicKey(): Uint8Array {
    return this.#publicKey
  }

  get old(): ReadonlyMap<string, OldKey> {
    return this.#old
  }

  /** Makes a new key where the current one would expire before the next look; true if it did. Durable before it signs. */
  async rotateIfDue(): Promise<boolean> {
    const now = this.#ground.clock.now()
    if (now < this.#created + netLimits.keyValidityMs - netLimits.keyRefreshMs) return false
    const next = currentKey(this.#ground, this.#ground.randomBytes(32), now)
    const retired: OldKey = { key: encodeBase64(this.#publicKey), expiredTs: now }
    await this.#ground.store.batch([
      rows.put([next.keyId], rowOf(next)),
      rows.put([this.#signer.keyId], { ...retired, created: this.#created }),
    ])
    this.#old.set(this.#signer.keyId, retired)
    this.#signer = { server: this.#server, keyId: next.keyId, seed: next.seed }
    this.#publicKey = next.publicKey
    this.#created = next.created
    return true
  }
}

interface CurrentKey {
  readonly keyId: KeyId
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
  readonly created: number
}

function currentKey(ground: Ground, seed: Uint8Array, created: number): CurrentKey {
  const publicKey = ground.crypto.ed25519.publicKey(seed)
  // Named after itself: nodes of one identity need no agreement, and no name comes twice.
  const version = encodeBase64(publicKey).slice(0, 10).replace(/[+/]/g, '_')
  return { keyId: `ed25519:${version}` as KeyId, seed, publicKey, created }
}

function rowOf(key: CurrentKey): SigningKeyRow {
  return { key: encodeBase64(key.publicKey), seed: encodeBase64(key.seed), created: key.created }
}
