/**
 * Keys whose byte order is the order of their parts: one bucket byte, then each part. A string is UTF-8 with NUL written
 * as `00 FF`, ended by `00`; a number (a safe integer) is 8 bytes big-endian, offset so that negative ones sort first.
 */
export type KeyPart = string | number

const SIGN = 0x8000000000000000n

export function encodeKey(bucket: number, parts: readonly KeyPart[]): Uint8Array {
  const chunks: Uint8Array[] = [Uint8Array.of(bucket)]
  for (const part of parts) chunks.push(typeof part === 'string' ? encodeString(part) : encodeNumber(part))
  return Buffer.concat(chunks)
}

/** The smallest key that is greater than every key starting with `prefix`. `prefix` begins with a bucket below 255. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  const end = Uint8Array.from(prefix)
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] ?? 0
    if (byte < 0xff) {
      end[i] = byte + 1
      return end.subarray(0, i + 1)
    }
  }
  throw new RangeError('a key prefix of 0xff bytes has no end')
}

/** Undoes `encodeKey`: `shape` says which parts are strings (`s`) and which numbers (`n`). The bucket byte is skipped. */
export function decodeKey(key: Uint8Array, shape: string): KeyPart[] {
  const parts: KeyPart[] = []
  const view = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  let at = 1
  for (const kind of shape) {
    if (kind === 'n') {
      parts.push(Number(BigInt.asIntN(64, view.readBigUInt64BE(at) ^ SIGN)))
      at += 8
    } else {
      const end = stringEnd(view, at)
      parts.push(unescapeNul(view.subarray(at, end)))
      at = end + 1
    }
  }
  return parts
}

function encodeString(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8')
  if (!bytes.includes(0)) return Buffer.concat([bytes, Buffer.of(0)])
  const escaped: number[] = []
  for (const byte of bytes) {
    escaped.push(byte)
    if (byte === 0) escaped.push(0xff)
  }
  escaped.push(0)
  return Uint8Array.from(escaped)
}

function encodeNumber(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new RangeError('a key number is a safe integer')
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)) ^ SIGN)
  return bytes
}

function stringEnd(view: Buffer, from: number): number {
  for (let at = view.indexOf(0, from); at !== -1; at = view.indexOf(0, at + 2)) {
    if (view[at + 1] !== 0xff) return at
  }
  throw new RangeError('a key string has no end')
}

function unescapeNul(bytes: Buffer): string {
  if (!bytes.includes(0)) return bytes.toString('utf8')
  const plain: number[] = []
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    plain.push(byte)
    if (byte === 0) i++
  }
  return Buffer.from(plain).toString('utf8')
}
