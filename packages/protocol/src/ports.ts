/**
 * What the pure core and its siblings need from the outside, as types only. `packages/node` supplies the real ones
 * (LevelDB, libsodium, pino, the system clock); `packages/testkit` the in-memory ones.
 */

/** One write of an atomic batch. */
export type BatchOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** Bounds of a scan, in byte order of keys. Without `limit` the scan is unbounded: give one where a peer sets the size. */
export interface KeyRange {
  readonly gt?: Uint8Array
  readonly gte?: Uint8Array
  readonly lt?: Uint8Array
  readonly lte?: Uint8Array
  readonly reverse?: boolean
  readonly limit?: number
}

export type KeyValue = readonly [key: Uint8Array, value: Uint8Array]

/** An ordered byte store with atomic batches (LevelDB's model). Drivers pass the contract suite in testkit. */
export interface KeyValueStore {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  /**
   * Applies all operations or none. With `durable` (the default) it resolves only once the batch would survive a crash
   * of the machine; drivers may group several callers' batches into one disk flush.
   */
  batch(operations: readonly BatchOperation[], options?: { readonly durable?: boolean }): Promise<void>
  /** Entries in key order over a snapshot taken at the call. */
  entries(range: KeyRange): AsyncIterable<KeyValue>
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
}

/** pino's shape, narrowed: a constant message, data in fields. Never content, tokens or keys. */
export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
  child(bindings: Record<string, unknown>): Logger
}

/** Random bytes fit for keys and tokens. */
export type RandomBytes = (size: number) => Uint8Array

/** SHA-256 (FIPS 180-4), 32 bytes. */
export type Sha256 = (data: Uint8Array) => Uint8Array

/** A signature and what it is to be checked against. */
export interface SignedMessage {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Ed25519 (RFC 8032) with ONE verification rule on every node: libsodium's. */
export interface Ed25519 {
  /** True only if libsodium's `crypto_sign_verify_detached` accepts. Never throws: wrong lengths are simply false. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /**
   * {@link verify} of each, in their order, beside the caller's thread: for lists, where surroundings have another thread. Absent
   * where they have none, and where runs are to be repeatable.
   */
  verifyMany?(signed: readonly SignedMessage[]): Promise<readonly boolean[]>
  /** 64-byte signature. `seed` is the 32-byte RFC 8032 private key. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  /** 32-byte public key of a 32-byte seed. */
  publicKey(seed: Uint8Array): Uint8Array
}

/** The cryptography that rooms stand on. */
export interface Crypto {
  readonly ed25519: Ed25519
  readonly sha256: Sha256
}

export interface AbortOptions {
  readonly signal?: AbortSignal
}
