import type { BatchOperation, KeyValueStore, UserId } from '@starling/protocol'
import type { DeviceFollower } from '../../devices/ports.ts'
import { buckets } from '../../store/buckets.ts'
import { defineTable } from '../../store/table.ts'
import { type CrossSigningKeyJson, type CrossSigningUsage, publicKeyOf, USAGES } from './check-cross-signing-keys.ts'

export type CrossSigningKeys = { readonly [Usage in CrossSigningUsage]?: CrossSigningKeyJson }

/** A signature that a local user has put on a key, its own or another user's. */
export interface KeySignature {
  readonly signer: UserId
  readonly target: UserId
  /** A device id, or the public key of a master key. */
  readonly targetKey: string
  /** `ed25519:<device id or public key>` of the signer. */
  readonly signingKey: string
  readonly signature: string
}

/** Cross-signing keys of local users, and the signatures that they uploaded. */
export class CrossSigningStore implements DeviceFollower {
  readonly #keys
  readonly #signatures

  constructor(store: KeyValueStore) {
    this.#keys = defineTable<[user: string, usage: string], CrossSigningKeyJson>(store, buckets.crossSigningKeys, 'ss')
    this.#signatures = defineTable<[signer: string, target: string, key: string, signingKey: string], string>(
      store,
      buckets.keySignatures,
      'ssss',
    )
  }

  async keysOf(userId: UserId): Promise<CrossSigningKeys> {
    const rows = await this.#keys.getMany(USAGES.map((usage): [string, string] => [userId, usage]))
    const found = USAGES.map((usage, index) => [usage, rows[index]] as const).filter(([, key]) => key !== undefined)
    return Object.fromEntries(found) as CrossSigningKeys
  }

  async isCrossSigningKey(userId: UserId, publicKey: string): Promise<boolean> {
    return Object.values(await this.keysOf(userId)).some((key) => key && publicKeyOf(key) === publicKey)
  }

  putKey(userId: UserId, usage: CrossSigningUsage, key: CrossSigningKeyJson): BatchOperation {
    return this.#keys.put([userId, usage], key)
  }

  delKey(userId: UserId, usage: CrossSigningUsage): BatchOperation {
    return this.#keys.del(userId, usage)
  }

  /** What `signer` has signed of `target`'s keys; of everybody's where no target is given. */
  async signatures(signer: UserId, target?: UserId): Promise<readonly KeySignature[]> {
    const found: KeySignature[] = []
    for await (const { key, row } of this.#signatures.scan(target === undefined ? [signer] : [signer, target])) {
      found.push({ signer, target: key[1] as UserId, targetKey: key[2], signingKey: key[3], signature: row })
    }
    return found
  }

  putSignature({ signer, target, targetKey, signingKey, signature }: KeySignature): BatchOperation {
    return this.#signatures.put([signer, target, targetKey, signingKey], signature)
  }

  delSignature({ signer, target, targetKey, signingKey }: KeySignature): BatchOperation {
    return this.#signatures.del(signer, target, targetKey, signingKey)
  }

  /** What removes all keys and signatures of a user whose account is over. */
  async eraseUser(userId: UserId): Promise<readonly BatchOperation[]> {
    const signatures = await this.signatures(userId)
    return [
      ...USAGES.map((usage) => this.delKey(userId, usage)),
      ...signatures.map((signature) => this.delSignature(signature)),
    ]
  }

  /** Signatures on the device; those that it made on the master key stay, as they stay valid for who knew the device. */
  async forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]> {
    const own = await this.signatures(userId, userId)
    return own.filter(({ targetKey }) => targetKey === deviceId).map((signature) => this.delSignature(signature))
  }
}
