import { randomBytes } from 'node:crypto'
import { encodeBase64, type JsonObject, type KeyId, type ServerName, signJson } from '@starling/protocol'
import { nodeEd25519 } from './node-ed25519.ts'

/** A signing key pair of a test client. */
export class TestKey {
  readonly seed = new Uint8Array(randomBytes(32))
  readonly publicKey = encodeBase64(nodeEd25519.publicKey(this.seed))

  /** Signs as `userId`, under `ed25519:<name>`; `name` is a device id or the public key itself. */
  sign<T extends JsonObject>(object: T, userId: string, name: string = this.publicKey): T {
    const signer = { server: userId as ServerName, keyId: `ed25519:${name}` as KeyId, seed: this.seed }
    return signJson(object, signer, nodeEd25519) as T
  }
}

/** The keys that a client makes for its device. */
export class TestDevice {
  readonly userId: string
  readonly deviceId: string
  readonly key = new TestKey()
  readonly curve25519 = encodeBase64(randomBytes(32))

  constructor(userId: string, deviceId: string) {
    this.userId = userId
    this.deviceId = deviceId
  }

  deviceKeys(overrides: JsonObject = {}): JsonObject {
    return this.#sign({
      user_id: this.userId,
      device_id: this.deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: {
        [`curve25519:${this.deviceId}`]: this.curve25519,
        [`ed25519:${this.deviceId}`]: this.key.publicKey,
      },
      ...overrides,
    })
  }

  /** `signed_curve25519:<id>` → key, for each id. */
  oneTimeKeys(ids: readonly string[], more: JsonObject = {}): JsonObject {
    return Object.fromEntries(
      ids.map((id) => [`signed_curve25519:${id}`, this.#sign({ key: encodeBase64(randomBytes(32)), ...more })]),
    )
  }

  #sign(object: JsonObject): JsonObject {
    return this.key.sign(object, this.userId, this.deviceId)
  }
}

/** A user's three cross-signing keys. */
export class TestCrossSigning {
  readonly userId: string
  readonly master = new TestKey()
  readonly selfSigning = new TestKey()
  readonly userSigning = new TestKey()

  constructor(userId: string) {
    this.userId = userId
  }

  masterKey(): JsonObject {
    return this.#key('master', this.master)
  }

  /** Body of `/keys/device_signing/upload`. */
  upload(): JsonObject {
    return {
      master_key: this.masterKey(),
      self_signing_key: this.master.sign(this.#key('self_signing', this.selfSigning), this.userId),
      user_signing_key: this.master.sign(this.#key('user_signing', this.userSigning), this.userId),
    }
  }

  #key(usage: string, { publicKey }: TestKey): JsonObject {
    return { user_id: this.userId, usage: [usage], keys: { [`ed25519:${publicKey}`]: publicKey } }
  }
}
