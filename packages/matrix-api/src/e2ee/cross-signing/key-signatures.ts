import {
  canonicalJson,
  type Ed25519,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  ownValue,
  parseUserId,
  type UserId,
  verifyJsonSignature,
  withoutKeys,
} from '@starling/protocol'
import type { KeyedQueue } from '../../store/keyed-queue.ts'
import type { DeviceLists } from '../device-lists.ts'
import { decodePublicKey, isSignatures } from '../key-shapes.ts'
import { deviceSigningKey } from '../keys/check-device-keys.ts'
import type { DeviceKeyStore } from '../keys/device-key-store.ts'
import { type CrossSigningKeyJson, publicKeyOf } from './check-cross-signing-keys.ts'
import type { CrossSigningStore, KeySignature } from './cross-signing-store.ts'

export interface KeySignaturesDeps {
  readonly store: CrossSigningStore
  readonly deviceKeys: DeviceKeyStore
  readonly lists: DeviceLists
  readonly ed25519: Ed25519
  readonly queue: KeyedQueue
  /** Another user's master key, local or remote, as last known. */
  readonly masterKeyOf: (userId: UserId) => Promise<CrossSigningKeyJson | undefined>
}

export interface SignatureFailure extends JsonObject {
  readonly errcode: string
  readonly error: string
}

/** user id → key id → why. */
export type SignatureFailures = { readonly [user: string]: { readonly [key: string]: SignatureFailure } }

/** Users and keys that one upload may speak of; beyond it the rest is refused, each with its failure. */
const MAX_SIGNED_KEYS = 1_000

/** Keys that may sign the target: key name → public key. */
type Signers = ReadonlyMap<string, Uint8Array>

/** What was found to sign, and by whom it may be signed. */
interface Target {
  readonly stored: JsonObject
  readonly signers: Signers
  readonly kind: 'device' | 'own-master' | 'other-master'
}

/** `POST /keys/signatures/upload`. Client-Server API, "Cross-signing". */
export class KeySignatures {
  readonly #deps: KeySignaturesDeps

  constructor(deps: KeySignaturesDeps) {
    this.#deps = deps
  }

  /** Stores what verifies, and says of the rest why not. */
  upload(userId: UserId, body: JsonObject): Promise<SignatureFailures> {
    return this.#deps.queue.run(userId, async () => {
      const failures = new Map<string, Map<string, SignatureFailure>>()
      let count = 0
      for (const [target, keys] of Object.entries(body)) {
        for (const [keyId, signed] of Object.entries(isJsonObject(keys) ? keys : { '': null })) {
          const failure =
            ++count > MAX_SIGNED_KEYS
              ? refusal('M_LIMIT_EXCEEDED', 'Too many keys in one upload')
              : await this.#uploadOne(userId, target, keyId, signed)
          if (failure) failures.set(target, (failures.get(target) ?? new Map()).set(keyId, failure))
        }
      }
      return Object.fromEntries([...failures].map(([target, byKey]) => [target, Object.fromEntries(byKey)]))
    })
  }

  async #uploadOne(
    userId: UserId,
    targetText: string,
    keyId: string,
    signed: JsonValue | undefined,
  ): Promise<SignatureFailure | undefined> {
    const target = parseUserId(targetText)
    if (!target || !isJsonObject(signed)) return refusal('M_INVALID_PARAM', 'Not a user id with signed keys')
    const found =
      target === userId ? await this.#ownTarget(userId, keyId) : await this.#otherTarget(userId, target, keyId)
    if (!found) return refusal('M_NOT_FOUND', 'No such key')
    if (!isSameKey(signed, found.stored)) return refusal('M_INVALID_PARAM', 'The signed key is not the stored one')
    const signatures = this.#verified(userId, signed, found)
    if (!signatures || signatures.length === 0) {
      return refusal('M_INVALID_SIGNATURE', 'Invalid signature')
    }
    await this.#commit(
      userId,
      found,
      signatures.map(([signingKey, signature]) => ({
        signer: userId,
        target,
        targetKey: keyId,
        signingKey,
        signature,
      })),
    )
    return undefined
  }

  /** Own devices are signed by the self-signing key, the own master key by devices. */
  async #ownTarget(userId: UserId, keyId: string): Promise<Target | undefined> {
    const { store, deviceKeys } = this.#deps
    const { master, self_signing: selfSigning } = await store.keysOf(userId)
    if (master && publicKeyOf(master) === keyId) {
      const signers = new Map<string, Uint8Array>()
      for (const device of await deviceKeys.list(userId)) {
        const publicKey = deviceSigningKey(device)
        if (publicKey) signers.set(`ed25519:${device.device_id}`, publicKey)
      }
      return { stored: master, signers, kind: 'own-master' }
    }
    const device = await deviceKeys.get(userId, keyId)
    return device && { stored: device, signers: signerOf(selfSigning), kind: 'device' }
  }

  /** Of other users only the master key can be signed, by the user-signing key. */
  async #otherTarget(userId: UserId, target: UserId, keyId: string): Promise<Target | undefined> {
    const master = await this.#deps.masterKeyOf(target)
    if (!master || publicKeyOf(master) !== keyId) return undefined
    const { user_signing: userSigning } = await this.#deps.store.keysOf(userId)
    return { stored: master, signers: signerOf(userSigning), kind: 'other-master' }
  }

  /**
   * The user's signatures that are by one of the target's signers. Undefined where one of them is wrong. Signatures by others,
   * such as the device's own, are passed over: clients upload the object as they hold it.
   */
  #verified(userId: UserId, signed: JsonObject, target: Target): [name: string, signature: string][] | undefined {
    const own = isSignatures(signed.signatures) ? ownValue(signed.signatures, userId) : undefined
    if (!isJsonObject(own)) return undefined
    const verified: [string, string][] = []
    for (const [name, signature] of Object.entries(own)) {
      const publicKey = target.signers.get(name)
      if (!publicKey || typeof signature !== 'string') continue
      if (!verifyJsonSignature(signed, userId, name, publicKey, this.#deps.ed25519)) return undefined
      verified.push([name, signature])
    }
    return verified
  }

  async #commit(userId: UserId, { kind, stored }: Target, signatures: readonly KeySignature[]): Promise<void> {
    const { store, lists } = this.#deps
    const operations = signatures.map((signature) => store.putSignature(signature))
    const target = signatures[0]
    if (kind === 'device') await lists.commitDevice(userId, String(stored.device_id), operations)
    else if (kind === 'own-master') await lists.commitSigningKeys(userId, operations)
    else if (target) await lists.commitSigned(userId, target.target, operations)
  }
}

function signerOf(key: CrossSigningKeyJson | undefined): Signers {
  const text = key && publicKeyOf(key)
  const publicKey = decodePublicKey(text)
  return new Map(publicKey ? [[`ed25519:${text}`, publicKey]] : [])
}

function isSameKey(a: JsonObject, b: JsonObject): boolean {
  const bare = (key: JsonObject) => canonicalJson(withoutKeys(key, 'signatures', 'unsigned'))
  return bare(a) === bare(b)
}

function refusal(errcode: string, error: string): SignatureFailure {
  return { errcode, error }
}
