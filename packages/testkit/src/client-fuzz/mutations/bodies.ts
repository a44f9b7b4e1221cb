import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { mutateBytes } from '../../fuzz/mutate-bytes.ts'
import { type LooseObject, mutateJson, oddValue } from '../../fuzz/mutate-json.ts'
import type { Random } from '../../fuzz/random.ts'
import type { Draft } from '../build-request.ts'
import type { Mutation } from './mutation.ts'

const text = (draft: Draft) => Buffer.from(draft.request.body ?? JSON.stringify(draft.json ?? {}))

const BOMB = gzipSync(Buffer.alloc(32 * 1024 * 1024, 0x20))

const WHOLE_BODIES = [
  ...['', '{', '}', '[]', '[1]', 'null', 'true', '1', '"x"', '{}{}', '{"a":1,"a":2}', '{"a":NaN}', '{"a":Infinity}'],
  ...['{"a":-0}', '{"a":1e400}', '{"a":01}', "{'a':1}", '{"a":1,}', '{a:1}', '{"\\ud800":1}', '{"a":"\\udc00\\ud800"}'],
  ...['\ufeff{}', '{"a":"\u0001"}', '{"\\u0000":1}', '// x\n{}', '{"__proto__":{"a":1}}', '{"a":"\\x"}', ' \t\r\n'],
]

/** What is in the body, and how it is wrapped. */
export const BODY_MUTATIONS: readonly (readonly [weight: number, name: string, mutation: Mutation])[] = [
  [
    14,
    'bent JSON',
    (draft, random) => {
      draft.json = mutateJson(draft.json ?? {}, random)
    },
  ],
  [
    3,
    'bent bytes',
    (draft, random) => {
      draft.request.body = mutateBytes(text(draft), random)
    },
  ],
  [
    1,
    'another body',
    ({ request }, random) => {
      request.body = Buffer.from(random.pick(WHOLE_BODIES))
    },
  ],
  [
    1,
    'no body',
    (draft) => {
      draft.json = undefined
      draft.request.body = undefined
    },
  ],
  [
    1,
    'a body nevertheless',
    (draft, random) => {
      draft.json ??= { x: oddValue(random) }
    },
  ],
  [
    1,
    'huge body',
    (draft, random) => {
      const x = 'x'.repeat(random.pick([65_000, 70_000, 600_000]))
      draft.json = random.pick<LooseObject>([{ ...draft.json, x }, { ...draft.json, [x]: 1 }, { x }])
    },
  ],
  [
    1,
    'many keys',
    (draft, random) => {
      const many = Object.fromEntries(Array.from({ length: random.pick([300, 20_000]) }, (_, at) => [`k${at}`, at]))
      draft.json = { ...draft.json, ...(random.chance(0.5) ? many : { many }) }
    },
  ],
  [
    1,
    'deep body',
    (draft, random) => {
      const depth = random.pick([90, 99, 100, 101, 5_000, 30_000])
      draft.request.body = Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)
    },
  ],
  [1, 'compressed', compressed],
  [
    1,
    'multipart',
    (draft, random) => {
      const part = `--x\r\nContent-Disposition: form-data; name="${random.pick(['file', '__proto__', '"'])}"; filename="../x"\r\n\r\n`
      draft.request.headers.push(['Content-Type', 'multipart/form-data; boundary=x'])
      draft.request.body = Buffer.concat([Buffer.from(part), text(draft), Buffer.from('\r\n--x--\r\n')])
    },
  ],
  [
    1,
    'form',
    (draft) => {
      draft.request.headers.push(['Content-Type', 'application/x-www-form-urlencoded'])
      const form = Object.entries(draft.json ?? { a: 'b' }).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      draft.request.body = Buffer.from(form.join('&'))
    },
  ],
  [
    2,
    'chunked',
    ({ request }) => {
      request.framing = 'chunked'
    },
  ],
  [
    1,
    'a length that lies',
    (draft, random) => {
      draft.request.body = text(draft)
      draft.request.framing = random.chance(0.7) ? 'length' : 'chunked'
      draft.request.lie = random.pick([-1, 1, 10, 100_000, 10 ** 9, -draft.request.body.length])
    },
  ],
  [
    1,
    'two framings',
    ({ request }) => {
      request.framing = 'chunked'
      request.headers.push(['Content-Length', '5'])
    },
  ],
]

function compressed(draft: Draft, random: Random): void {
  const plain = text(draft)
  const [encoding, body] = random.pick<readonly [string, () => Uint8Array]>([
    ['gzip', () => gzipSync(plain)],
    ['deflate', () => deflateSync(plain)],
    ['br', () => brotliCompressSync(plain)],
    ['gzip', () => BOMB],
    ['gzip', () => gzipSync(plain).subarray(0, 15)],
    ['gzip', () => plain],
    ['gzip', () => Buffer.concat([gzipSync(plain), Buffer.from('trailing')])],
    ['br', () => random.bytes(50)],
    ['zstd', () => plain],
    ['gzip, gzip', () => gzipSync(gzipSync(plain))],
    ['identity', () => plain],
  ])
  draft.request.headers.push(['Content-Encoding', encoding])
  draft.request.body = body()
}
