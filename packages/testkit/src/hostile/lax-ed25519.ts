import { createHash } from 'node:crypto'

/**
 * Ed25519 as a lax verifier has it: any encoding of any point is taken, S of any size, and the equation is checked with the
 * cofactor (8·S·B = 8·R + 8·k·A). Legitimate by RFC 8032, and in use elsewhere. Slow, and only for showing what the rule
 * of this network keeps out. Curve: −x² + y² = 1 + d·x²·y² modulo p.
 */
export function laxVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const a = decompress(publicKey)
  const r = decompress(signature.subarray(0, 32))
  if (!a || !r) return false
  const hash = createHash('sha512').update(signature.subarray(0, 32)).update(publicKey).update(message).digest()
  const difference = add(
    multiply(BASE, littleEndian(signature.subarray(32))),
    negated(add(r, multiply(a, littleEndian(hash)))),
  )
  const { x, y, z } = multiply(difference, 8n)
  return mod(x) === 0n && mod(y - z) === 0n
}

/** Projective coordinates: (x/z, y/z). */
interface Point {
  readonly x: bigint
  readonly y: bigint
  readonly z: bigint
}

const P = 2n ** 255n - 19n
const D = mod(-121665n * power(121666n, P - 2n))
const SQRT_OF_MINUS_1 = power(2n, (P - 1n) / 4n)
const BASE = decompress(Uint8Array.from([0x58, ...Array.from({ length: 31 }, () => 0x66)])) as Point
const NEUTRAL: Point = { x: 0n, y: 1n, z: 1n }

function mod(value: bigint): bigint {
  const rest = value % P
  return rest < 0n ? rest + P : rest
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let factor = mod(base), left = exponent; left > 0n; left >>= 1n, factor = mod(factor * factor)) {
    if (left & 1n) result = mod(result * factor)
  }
  return result
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

/** y may be p or more, and x = 0 may bear a sign: both are another spelling of the same point. */
function decompress(bytes: Uint8Array): Point | undefined {
  const encoded = littleEndian(bytes)
  const y = mod(encoded & (2n ** 255n - 1n))
  const u = mod(y * y - 1n)
  const v = mod(D * y * y + 1n)
  const root = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n))
  const square = mod(v * root * root)
  if (square !== u && square !== mod(-u)) return undefined
  const x = square === u ? root : mod(root * SQRT_OF_MINUS_1)
  return { x: (x & 1n) === encoded >> 255n ? x : mod(-x), y, z: 1n }
}

/** Complete: right for every pair of points, also for doubling. */
function add(p: Point, q: Point): Point {
  const a = mod(p.z * q.z)
  const b = mod(a * a)
  const c = mod(p.x * q.x)
  const d = mod(p.y * q.y)
  const e = mod(D * c * d)
  const f = b - e
  const g = b + e
  return {
    x: mod(a * f * ((p.x + p.y) * (q.x + q.y) - c - d)),
    y: mod(a * g * (d + c)),
    z: mod(f * g),
  }
}

function negated(p: Point): Point {
  return { ...p, x: mod(-p.x) }
}

function multiply(point: Point, scalar: bigint): Point {
  let result = NEUTRAL
  for (let doubled = point, left = scalar; left > 0n; left >>= 1n, doubled = add(doubled, doubled)) {
    if (left & 1n) result = add(result, doubled)
  }
  return result
}
