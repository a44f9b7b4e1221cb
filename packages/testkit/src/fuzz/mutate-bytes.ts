import type { Random } from './random.ts'

type Bender = (bytes: Uint8Array, random: Random) => Uint8Array

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, 'utf8'))

/** What only bytes can say: broken UTF-8, doubled keys, numbers that the language's own writer never writes, half a message. */
const BENDERS: readonly Bender[] = [
  function flipBit(bytes, random) {
    const copy = Uint8Array.from(bytes)
    const at = random.below(copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
    return copy
  },
  (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.slice(random.below(bytes.length + 1)),
  (bytes) => concat(bytes, bytes),
  (bytes, random) => concat(bytes, random.bytes(1 + random.below(16))),
  (bytes, random) => concat(random.pick([latin1('\ufeff'), latin1(' '), latin1('null'), random.bytes(4)]), bytes),
  function lyingLength(bytes, random) {
    const header = new Uint8Array(4)
    new DataView(header.buffer).setUint32(
      0,
      random.pick([0, 1, bytes.length, bytes.length + 1, 0x7fffffff, 0xffffffff]),
    )
    return concat(header, bytes)
  },
  function invalidUtf8(bytes, random) {
    const at = random.below(bytes.length)
    const broken = random.pick([[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]])
    return concat(bytes.slice(0, at), Uint8Array.from(broken), bytes.slice(at))
  },
  function doubleKey(bytes) {
    const text = Buffer.from(bytes).toString('utf8')
    const member = /"[a-z_]+":(?:"[^"]*"|\d+|true|false)/.exec(text)?.[0]
    return member === undefined ? bytes : latin1(text.replace(member, `${member},${member}`))
  },
  function oddNumber(bytes, random) {
    const token = random.pick(['-0', '1.0', '1e3', '1E400', '00', 'NaN', '-', '9'.repeat(400), '0.1'])
    return latin1(
      Buffer.from(bytes)
        .toString('utf8')
        .replace(/(?<=:)\d+/, token),
    )
  },
  function deepNest(bytes, random) {
    const depth = random.pick([101, 1_000, 20_000])
    const [open, close] = random.pick([
      ['[', ']'],
      ['{"a":', '}'],
    ] as const)
    const nest = `${open.repeat(depth)}1${close.repeat(depth)}`
    return latin1(
      Buffer.from(bytes)
        .toString('utf8')
        .replace(/(?<=:)(?:"[^"]*"|\d+)/, nest),
    )
  },
  function splice(bytes, random) {
    const from = random.below(bytes.length)
    const to = Math.min(bytes.length, from + random.below(64))
    const at = random.below(bytes.length)
    return concat(bytes.slice(0, at), bytes.slice(from, to), bytes.slice(at))
  },
  (_bytes, random) => random.bytes(random.below(300)),
]

/** Bent bytes; what comes in is not changed. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.length === 0 ? random.bytes(8) : random.pick(BENDERS)(bytes, random)
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}
