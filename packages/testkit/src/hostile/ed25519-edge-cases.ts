/**
 * Signatures about which Ed25519 verifiers disagree: facts from the set that goes with "Taming the many EdDSAs" (Chalkias,
 * Garillot, Nikolaenko, 2020), in hexadecimal, and what the rule of this network (libsodium's) says to each. Two nodes
 * that answer one of them differently would disagree about a room for good.
 */
export interface EdgeCase {
  readonly what: string
  readonly message: string
  readonly publicKey: string
  readonly signature: string
  /** By libsodium's rule: no small-order key or R, canonical S and key, the equation without cofactor. */
  readonly valid: boolean
}

const SMALL_ORDER = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'
const MIXED_KEY = 'cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d'
const PLAIN_KEY = '442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623'
const OTHER_MIXED_KEY = 'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43'
const MESSAGE_1 = '9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79'
const MESSAGE_4 = 'e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c'
const MESSAGE_6 = '85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40'

export const EDGE_CASES: readonly EdgeCase[] = [
  {
    what: 'key and R of small order, S = 0',
    message: '8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6',
    publicKey: SMALL_ORDER,
    signature: `c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a${'0'.repeat(64)}`,
    valid: false,
  },
  {
    what: 'a key of small order, R of mixed order',
    message: MESSAGE_1,
    publicKey: SMALL_ORDER,
    signature:
      'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04',
    valid: false,
  },
  {
    what: 'a key of mixed order, R of small order',
    message: 'aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab',
    publicKey: OTHER_MIXED_KEY,
    signature:
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e',
    valid: false,
  },
  {
    what: 'key and R of mixed order, both equations hold',
    message: MESSAGE_1,
    publicKey: MIXED_KEY,
    signature:
      '9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009',
    valid: true,
  },
  {
    what: 'key and R of mixed order, only the equation with cofactor holds',
    message: MESSAGE_4,
    publicKey: MIXED_KEY,
    signature:
      '160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09',
    valid: false,
  },
  {
    what: 'a key of mixed order, R of the prime order, only the equation with cofactor holds',
    message: MESSAGE_4,
    publicKey: MIXED_KEY,
    signature:
      '21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405',
    valid: false,
  },
  {
    what: 'S larger than the group order',
    message: MESSAGE_6,
    publicKey: PLAIN_KEY,
    signature:
      'e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514',
    valid: false,
  },
  {
    what: 'S much larger than the group order',
    message: MESSAGE_6,
    publicKey: PLAIN_KEY,
    signature:
      '8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22',
    valid: false,
  },
  {
    what: 'R of small order, not in its canonical form',
    message: 'fdaebc429f4a735932a160da1301080c13280eea8bc280d1b392c6b9e6ba3a5a',
    publicKey: OTHER_MIXED_KEY,
    signature:
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f454d370c8d9fc323a41450f8d513eafeb5b0697390c1e505a0d4ddc71f566607',
    valid: false,
  },
  {
    what: 'R not in its canonical form, reduced before hashing',
    message: '84b698d39be126ff55fe45079e6c8bf64a0d7db6994560b4e96b7021eb39c1a1',
    publicKey: OTHER_MIXED_KEY,
    signature:
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f084d5b99c2a9463d9c8bd5026916996984eeec87ddf1d3be329006ace1b37b09',
    valid: false,
  },
]

/** The points of small order: a key that is one of them is "signed" for by anybody (R the same or the neutral element, S = 0). */
export const SMALL_ORDER_KEYS: readonly string[] = [
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  SMALL_ORDER,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  // The same in forms that are not canonical: y + p, and the wrong sign of x = 0.
  `01${'00'.repeat(30)}80`,
  `ec${'ff'.repeat(31)}`,
  `ee${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(31)}`,
  `ed${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(31)}`,
]

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** The same signature with S + L: the same scalar modulo the order, so that verifiers without a range check take it. */
export function malleated(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`)
  const larger = Buffer.from((s + ORDER).toString(16).padStart(64, '0'), 'hex').reverse()
  return Uint8Array.from(Buffer.concat([signature.slice(0, 32), larger]))
}
