import type { SdkInProcess, SdkOptions } from '@starling/testkit'
import { type CryptoCallbacks, decodeRecoveryKey, encodeRecoveryKey } from 'matrix-js-sdk/lib/crypto-api/index.js'

/** A recovery key on paper: shown once when secret storage is set up, typed in whenever a client asks for it. */
export class RecoveryKey {
  #written: string | undefined

  /** For every client of its owner. */
  readonly options: SdkOptions = { client: { cryptoCallbacks: this.#callbacks() } }

  /** Cross-signing and secret storage anew; the key is written down. */
  async setUp({ crypto }: SdkInProcess, options: { readonly backup: boolean }): Promise<void> {
    await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: async (upload) => void (await upload(null)) })
    const made = await crypto.createRecoveryKeyFromPassphrase()
    this.#written = made.encodedPrivateKey
    await crypto.bootstrapSecretStorage({
      createSecretStorageKey: async () => made,
      setupNewKeyBackup: options.backup,
    })
  }

  /** A paper with another valid key on it, for the time of `act`. */
  async whileConfused(act: () => Promise<unknown>): Promise<void> {
    const right = this.#written
    this.#written = encodeRecoveryKey(new Uint8Array(32).fill(7))
    await act()
    this.#written = right
  }

  #callbacks(): CryptoCallbacks {
    return {
      getSecretStorageKey: async ({ keys }) => {
        const [keyId] = Object.keys(keys)
        return keyId === undefined || this.#written === undefined ? null : [keyId, decodeRecoveryKey(this.#written)]
      },
    }
  }
}
