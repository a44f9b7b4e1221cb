import type { KeyRange } from '@starling/protocol'

/** A part of a key. Numbers are integers within ±(2^53−1) and sort by value; strings are only compared for equality. */
export type KeyPart = string | number

const INTEGER_BYTES = 8
const LENGTH_BYTES = 2
const TWO_32 = 2 ** 32
/** Added to the high word so that negative numbers sort before positive ones. */
const SIGN_OFFSET = 2 ** 31
const MAX_TEXT_BYTES = 65_535

/**
 * Bucket byte, then each part: an integer as 8 bytes big-endian (offset binary, so that byte order is numeric order), a
 * string as its length in 2 bytes and its UTF-8, so that no string can run into the next part whatever is in it.
 */
export function encodeKey(bucket: number, parts: readonly KeyPart[]): Uint8Array {
  let size = 1
  for (const part of parts) size += typeof part === 'number' ? INTEGER_BYTES : LENGTH_BYTES + Buffer.byteLength(part)
  const key = Buffer.allocUnsafe(size)
  key[0] = bucket
  let offset = 1
  for (const part of parts)
    offset = typeof part === 'number' ? writeInteger(key, offset, part) : writeText(key, offset, part)
  return key
}

/** The parts of a key made by `encodeKey`; `shape` says which are which. Throws RangeError on a key of another shape. */
export function decodeKey(key: Uint8Array, shape: readonly ('int' | 'text')[]): KeyPart[] {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  const parts: KeyPart[] = []
  let offset = 1
  for (const kind of shape) {
    if (kind === 'int') {
      parts.push((bytes.readUInt32BE(offset) - SIGN_OFFSET) * TWO_32 + bytes.readUInt32BE(offset + 4))
      offset += INTEGER_BYTES
    } else {
      const length = bytes.readUInt16BE(offset)
      offset += LENGTH_BYTES
      if (offset + length > bytes.length) throw new RangeError('key is shorter than its text part')
      parts.push(bytes.toString('utf8', offset, offset + length))
      offset += length
    }
  }
  return parts
}

/** Every key that begins with these parts. */
export function prefixRange(bucket: number, parts: readonly KeyPart[]): KeyRange & { gte: Uint8Array; lt: Uint8Array } {
  return rangeUnder(encodeKey(bucket, parts))
}

/** Every key that begins like this one. */
export function rangeUnder(prefix: Uint8Array): KeyRange & { gte: Uint8Array; lt: Uint8Array } {
  return { gte: prefix, lt: successor(prefix) }
}

/** The smallest key above every key with this prefix. A key of bytes 255 only has none; buckets stop short of that. */
function successor(prefix: Uint8Array): Uint8Array {
  const next = Uint8Array.from(prefix)
  let last = next.length - 1
  while (last > 0 && next[last] === 255) last--
  next[last] = (next[last] ?? 0) + 1
  return next.subarray(0, last + 1)
}

function writeInteger(key: Buffer, offset: number, value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer in a key: ${value}`)
  const high = Math.floor(value / TWO_32)
  key.writeUInt32BE(high + SIGN_OFFSET, offset)
  return key.writeUInt32BE(value - high * TWO_32, offset + 4)
}

function writeText(key: Buffer, offset: number, value: string): number {
  const length = Buffer.byteLength(value)
  if (length > MAX_TEXT_BYTES) throw new RangeError(`text of ${length} bytes in a key`)
  key.writeUInt16BE(length, offset)
  return offset + LENGTH_BYTES + key.write(value, offset + LENGTH_BYTES, 'utf8')
}
