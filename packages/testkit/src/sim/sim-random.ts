/** 64-bit mask. */
const MASK = (1n << 64n) - 1n

/** splitmix64: one step of the sequence that begins at `seed`. Also makes seeds of schedules out of the seed of a run. */
export function mix64(seed: bigint): bigint {
  let z = (seed + 0x9e3779b97f4a7c15n) & MASK
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK
  return z ^ (z >> 31n)
}

/** Seed of the schedule with that number in a run. */
export function scheduleSeed(runSeed: bigint, index: number): bigint {
  return mix64((runSeed ^ mix64(BigInt(index) + 1n)) & MASK)
}

/**
 * The only source of chance in a simulation: sfc32, seeded by 64 bits and a label. Each label is a stream of its own, so that what
 * one part of a schedule draws does not move the draws of another: a shrunk schedule stays near the one it came from.
 */
export class SimRandom {
  #a: number
  #b: number
  #c: number
  #d = 1

  constructor(seed: bigint, label: string) {
    let state = mix64(seed ^ labelHash(label))
    this.#a = Number(state & 0xffffffffn) | 0
    this.#b = Number(state >> 32n) | 0
    state = mix64(state)
    this.#c = Number(state & 0xffffffffn) | 0
    for (let round = 0; round < 12; round++) this.next()
  }

  /** Uniform in [0, 1), 32 bits. */
  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    this.#c |= 0
    return (t >>> 0) / 4_294_967_296
  }

  /** Uniform integer in [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below)
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** @throws RangeError where there is nothing to choose from */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to choose from')
    return list[this.int(list.length)] as T
  }

  /** One of the names, each as likely as its weight. */
  weighted<Name extends string>(weights: Readonly<Partial<Record<Name, number>>>): Name {
    const entries = Object.entries(weights) as [Name, number][]
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return (entries.at(-1) as [Name, number])[0]
  }

  shuffled<T>(list: readonly T[]): T[] {
    const copy = [...list]
    for (let index = copy.length - 1; index > 0; index--) {
      const other = this.int(index + 1)
      const one = copy[index] as T
      copy[index] = copy[other] as T
      copy[other] = one
    }
    return copy
  }

  bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.int(256))
  }
}

/** FNV-1a, 64 bits. */
function labelHash(label: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(label)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK
  return hash
}
