import {
  type BatchOperation,
  canonicalJson,
  type Ed25519,
  isJsonObject,
  type JsonObject,
  type UserId,
  verifyJsonSignature,
} from '@starling/protocol'
import type { DeviceStore } from '../../devices/device-store.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { KeyedQueue } from '../../store/keyed-queue.ts'
import type { DeviceLists } from '../device-lists.ts'
import { keyFaultError } from '../key-fault-error.ts'
import { deviceSigningKey } from '../keys/check-device-keys.ts'
import type { DeviceKeyStore } from '../keys/device-key-store.ts'
import {
  type CrossSigningKeyJson,
  type CrossSigningUsage,
  crossSigningKeyFault,
  isSignedBy,
  publicKeyOf,
  USAGES,
} from './check-cross-signing-keys.ts'
import type { CrossSigningKeys, CrossSigningStore } from './cross-signing-store.ts'

export interface CrossSigningDeps {
  readonly store: CrossSigningStore
  readonly deviceKeys: DeviceKeyStore
  readonly devices: DeviceStore
  readonly lists: DeviceLists
  readonly ed25519: Ed25519
  readonly queue: KeyedQueue
}

/** Uploads of a user's cross-signing keys. Client-Server API, "Cross-signing". */
export class CrossSigning {
  readonly #deps: CrossSigningDeps

  constructor(deps: CrossSigningDeps) {
    this.#deps = deps
  }

  /** The keys in the body of `/keys/device_signing/upload`, their shapes checked. Throws `MatrixError` 400. */
  parse(userId: UserId, body: JsonObject): CrossSigningKeys {
    const parsed: [CrossSigningUsage, CrossSigningKeyJson][] = []
    for (const usage of USAGES) {
      const key = body[`${usage}_key`] ?? undefined
      if (key === undefined) continue
      const fault = crossSigningKeyFault(key, userId, usage)
      if (fault) throw keyFaultError(fault)
      parsed.push([usage, key as CrossSigningKeyJson])
    }
    return Object.fromEntries(parsed) as CrossSigningKeys
  }

  /** False while there is no master key, and where every key in the request is already stored. */
  async needsAuthentication(userId: UserId, uploaded: CrossSigningKeys): Promise<boolean> {
    const stored = await this.#deps.store.keysOf(userId)
    return stored.master !== undefined && !isSubset(uploaded, stored)
  }

  /** Verifies and stores the keys. Throws `MatrixError`: 400 for bad signatures, 403 for a key named like a device. */
  upload(userId: UserId, uploaded: CrossSigningKeys): Promise<void> {
    const { store, lists, queue } = this.#deps
    return queue.run(userId, async () => {
      const stored = await store.keysOf(userId)
      if (isSubset(uploaded, stored)) return
      await this.#check(userId, uploaded, stored)
      const next = nextKeys(uploaded, stored)
      const operations = [
        ...USAGES.map((usage) => {
          const key = next[usage]
          return key ? store.putKey(userId, usage, key) : store.delKey(userId, usage)
        }),
        ...(await this.#outdatedSignatures(userId, next)),
      ]
      await lists.commitSigningKeys(userId, operations)
    })
  }

  async #check(userId: UserId, uploaded: CrossSigningKeys, stored: CrossSigningKeys): Promise<void> {
    const { ed25519, devices } = this.#deps
    const master = uploaded.master ?? stored.master
    if (!master) throw new MatrixError(400, 'M_MISSING_PARAM', 'There is no master key')
    for (const usage of ['self_signing', 'user_signing'] as const) {
      const key = uploaded[usage]
      if (key && !isSignedBy(key, master, ed25519)) {
        throw new MatrixError(400, 'M_INVALID_SIGNATURE', `${usage}_key is not signed by the master key`)
      }
    }
    await this.#checkMasterSignatures(userId, uploaded.master)
    const names = Object.values(uploaded).map((key) => publicKeyOf(key as CrossSigningKeyJson))
    if (new Set(names).size < names.length) {
      throw new MatrixError(400, 'M_INVALID_PARAM', 'Two of the keys are the same')
    }
    for (const name of names) {
      if (await devices.exists(userId, name)) throw new MatrixError(403, 'M_FORBIDDEN', 'Key ID in use')
    }
  }

  /** The master key may come signed by devices; such a signature has to hold. */
  async #checkMasterSignatures(userId: UserId, master: CrossSigningKeyJson | undefined): Promise<void> {
    const own = master?.signatures && Object.hasOwn(master.signatures, userId) ? master.signatures[userId] : undefined
    if (!master || !isJsonObject(own)) return
    for (const device of await this.#deps.deviceKeys.list(userId)) {
      const name = `ed25519:${device.device_id}`
      const publicKey = deviceSigningKey(device)
      if (!publicKey || !Object.hasOwn(own, name)) continue
      if (!verifyJsonSignature(master, userId, name, publicKey, this.#deps.ed25519)) {
        throw new MatrixError(400, 'M_INVALID_SIGNATURE', 'master_key has a wrong signature by a device')
      }
    }
  }

  /** Uploaded signatures by keys that are replaced say nothing any more. */
  async #outdatedSignatures(userId: UserId, next: CrossSigningKeys): Promise<BatchOperation[]> {
    const { store } = this.#deps
    const replaced = new Set<string>()
    const current = await store.keysOf(userId)
    for (const usage of USAGES) {
      const [before, after] = [current[usage], next[usage]]
      if (before && (!after || publicKeyOf(after) !== publicKeyOf(before))) replaced.add(publicKeyOf(before))
    }
    const outdated = (await store.signatures(userId)).filter(
      ({ signingKey, target, targetKey }) =>
        replaced.has(signingKey.slice('ed25519:'.length)) || (target === userId && replaced.has(targetKey)),
    )
    return outdated.map((signature) => store.delSignature(signature))
  }
}

/** Whether each uploaded key is the stored one, signatures aside. */
function isSubset(uploaded: CrossSigningKeys, stored: CrossSigningKeys): boolean {
  return USAGES.every((usage) => {
    const key = uploaded[usage]
    const before = stored[usage]
    return !key || (before !== undefined && canonicalJson(key.keys) === canonicalJson(before.keys))
  })
}

/** A new master key ends the others, unless they come with it. */
function nextKeys(uploaded: CrossSigningKeys, stored: CrossSigningKeys): CrossSigningKeys {
  const sameMaster = !uploaded.master || (stored.master && publicKeyOf(uploaded.master) === publicKeyOf(stored.master))
  return sameMaster ? { ...stored, ...uploaded } : uploaded
}
