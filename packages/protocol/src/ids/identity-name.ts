import { base32 } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import type { ServerName } from './branded.ts'

/** Multicodec `libp2p-key`. */
const LIBP2P_KEY = 0x72
/** libp2p's protobuf `PublicKey`: field 1 (type) = 1 (Ed25519), field 2 (data) = 32 bytes. */
const ED25519_PREFIX = Uint8Array.of(0x08, 0x01, 0x12, 0x20)
const KEY_BYTES = 32

/**
 * The server name of an identity key (DESIGN section 2): CIDv1, codec `libp2p-key`, identity multihash of the libp2p
 * protobuf public key, lower-case base32. `publicKey` is 32 bytes of Ed25519; anything else throws `RangeError`.
 */
export function serverNameFromPublicKey(publicKey: Uint8Array): ServerName {
  if (publicKey.length !== KEY_BYTES)
    throw new RangeError(`an Ed25519 public key has 32 bytes, not ${publicKey.length}`)
  const protobuf = new Uint8Array(ED25519_PREFIX.length + KEY_BYTES)
  protobuf.set(ED25519_PREFIX)
  protobuf.set(publicKey, ED25519_PREFIX.length)
  return CID.createV1(LIBP2P_KEY, identity.digest(protobuf)).toString(base32) as ServerName
}

/**
 * The identity key in a server name; `undefined` for every name that is not exactly what
 * {@link serverNameFromPublicKey} writes, so that one key has one name.
 */
export function publicKeyFromServerName(name: string): Uint8Array | undefined {
  const cid = parseCid(name)
  if (cid === undefined || cid.version !== 1 || cid.code !== LIBP2P_KEY || cid.multihash.code !== identity.code)
    return undefined
  const protobuf = cid.multihash.digest
  if (protobuf.length !== ED25519_PREFIX.length + KEY_BYTES) return undefined
  if (!ED25519_PREFIX.every((byte, i) => protobuf[i] === byte)) return undefined
  const publicKey = protobuf.slice(ED25519_PREFIX.length)
  return serverNameFromPublicKey(publicKey) === name ? publicKey : undefined
}

function parseCid(name: string): CID | undefined {
  // 65 characters is the only length there is; this keeps long strangers' names away from the decoder.
  if (name.length !== 65 || !name.startsWith('b')) return undefined
  try {
    return CID.parse(name, base32)
  } catch (error) {
    // The library reports every malformed text by throwing; to the caller that is "not such a name".
    if (error instanceof Error) return undefined
    throw error
  }
}
