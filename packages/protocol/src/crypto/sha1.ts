/**
 * SHA-1 (FIPS 180-4), 20 bytes. Broken as a signature hash and used for none: state resolution 1 breaks ties by
 * `sha1(event_id)`, and nothing else in Matrix rooms asks for it.
 */
export function sha1(message: Uint8Array): Uint8Array {
  const words = pad(message)
  const hash = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)
  const schedule = new Uint32Array(80)
  for (let block = 0; block < words.length; block += 16) {
    schedule.set(words.subarray(block, block + 16))
    for (let t = 16; t < 80; t++) {
      schedule[t] = rotate(at(schedule, t - 3) ^ at(schedule, t - 8) ^ at(schedule, t - 14) ^ at(schedule, t - 16), 1)
    }
    compress(hash, schedule)
  }
  const digest = new DataView(new ArrayBuffer(20))
  hash.forEach((word, i) => {
    digest.setUint32(i * 4, word)
  })
  return new Uint8Array(digest.buffer)
}

/** The message, a one bit, zeroes, and its length in bits: big-endian words, a multiple of 16 of them. */
function pad(message: Uint8Array): Uint32Array {
  const blocks = Math.ceil((message.length + 9) / 64)
  const view = new DataView(new ArrayBuffer(blocks * 64))
  new Uint8Array(view.buffer).set(message)
  view.setUint8(message.length, 0x80)
  view.setUint32(blocks * 64 - 8, Math.floor(message.length / 0x2000_0000))
  view.setUint32(blocks * 64 - 4, (message.length << 3) >>> 0)
  return Uint32Array.from({ length: blocks * 16 }, (_, i) => view.getUint32(i * 4))
}

function compress(hash: Uint32Array, schedule: Uint32Array): void {
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = hash
  for (let t = 0; t < 80; t++) {
    const next = (rotate(a, 5) + mix(t, b, c, d) + e + (CONSTANTS[Math.floor(t / 20)] ?? 0) + at(schedule, t)) >>> 0
    e = d
    d = c
    c = rotate(b, 30)
    b = a
    a = next
  }
  ;[a, b, c, d, e].forEach((word, i) => {
    hash[i] = at(hash, i) + word
  })
}

const CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6]

function mix(t: number, b: number, c: number, d: number): number {
  if (t < 20) return (b & c) | (~b & d)
  if (t < 40 || t >= 60) return b ^ c ^ d
  return (b & c) | (b & d) | (c & d)
}

function rotate(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0
}

function at(words: Uint32Array, index: number): number {
  return words[index] ?? 0
}
