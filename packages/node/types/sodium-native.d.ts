/** The part of libsodium's binding that the house uses; the package ships no types. Sizes in bytes. */
declare module 'sodium-native' {
  interface SodiumNative {
    readonly crypto_sign_PUBLICKEYBYTES: 32
    readonly crypto_sign_SECRETKEYBYTES: 64
    readonly crypto_sign_SEEDBYTES: 32
    readonly crypto_sign_BYTES: 64
    crypto_hash_sha256(output: Buffer, input: Buffer): void
    crypto_sign_seed_keypair(publicKey: Buffer, secretKey: Buffer, seed: Buffer): void
    crypto_sign_detached(signature: Buffer, message: Buffer, secretKey: Buffer): void
    crypto_sign_verify_detached(signature: Buffer, message: Buffer, publicKey: Buffer): boolean
    readonly crypto_stream_NONCEBYTES: 24
    readonly crypto_stream_xor_STATEBYTES: number
    /** XSalsa20 as a running key stream: the next `input.length` bytes of it are XORed with each update. */
    crypto_stream_xor_init(state: Buffer, nonce: Buffer, key: Buffer): void
    crypto_stream_xor_update(state: Buffer, output: Buffer, input: Buffer): void
  }
  const sodium: SodiumNative
  // biome-ignore lint/style/noDefaultExport: it is how the package exports
  export default sodium
}
