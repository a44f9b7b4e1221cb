import type { Random } from '../../fuzz/random.ts'
import type { WireRequest } from '../wire-request.ts'
import type { Mutation } from './mutation.ts'

const CONTENT_TYPES = [
  '',
  'text/plain',
  'text/html; charset=utf-7',
  'application/json; charset=utf-16',
  'application/json; charset="',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'image/svg+xml',
  'application/octet-stream; name="\u00e9"',
  `a/${'b'.repeat(300)}`,
  '/',
  ';;;',
]

const AUTHORIZATIONS = [
  '',
  'Bearer',
  'Bearer ',
  'Bearer  ',
  'Bearer null',
  'Bearer a b',
  'Basic YTpi',
  'bearer x',
  'X-Matrix origin="a",key="ed25519:1",sig="x"',
  `Bearer ${'t'.repeat(5_000)}`,
  'Bearer \u00ff\u00fe',
  'Bearer __proto__',
  'Bearer ../../x',
]

const OTHERS: readonly (readonly [string, readonly string[]])[] = [
  [
    'Range',
    ['bytes=0-', 'bytes=-1', 'bytes=5-1', 'bytes=0-0,2-3', 'bytes=99999999999999999999-', 'lines=1-2', 'bytes='],
  ],
  ['If-None-Match', ['*', '"', `"${'x'.repeat(1_000)}"`]],
  ['If-Modified-Since', ['yesterday', 'Thu, 01 Jan 1970 00:00:00 GMT']],
  ['If-Range', ['"x"', '0']],
  ['Expect', ['100-continue', '200-ok', '']],
  ['Upgrade', ['websocket', 'h2c', '']],
  ['Connection', ['close', 'upgrade', 'keep-alive, transfer-encoding', 'x'.repeat(2_000)]],
  ['Origin', ['null', 'http://evil.example', 'http://127.0.0.1:1', '\u0001']],
  ['Referer', ['http://evil.example/x']],
  ['Cookie', ['a=b; __proto__=1', '=', ';'.repeat(1_000)]],
  ['User-Agent', ['', 'x'.repeat(9_000), '\u00e9\u00ff', 'Mozilla/5.0']],
  ['X-Forwarded-For', ['127.0.0.1', '1.2.3.4, ::1']],
  ['X-Forwarded-Host', ['evil.example']],
  ['X-Forwarded-Proto', ['https', 'javascript']],
  ['Forwarded', ['for=127.0.0.1;host=evil.example']],
  ['X-HTTP-Method-Override', ['DELETE']],
  ['Accept', ['text/html', '*/*;q=x', '']],
  ['Accept-Encoding', ['gzip', 'identity;q=0', 'x']],
  ['Accept-Language', ['x'.repeat(500)]],
  ['Content-Disposition', ['attachment; filename="../../x"', "inline; filename*=utf-8''%ff"]],
  ['Transfer-Encoding', ['gzip, chunked', 'identity', 'chunked, chunked', 'Chunked']],
  ['Content-Length', ['0', '-1', '1e3', '99999999999999999999', '5, 5', '']],
  ['Access-Control-Request-Method', ['DELETE']],
  ['Sec-Fetch-Site', ['cross-site']],
  ['Max-Forwards', ['0']],
  ['__proto__', ['x']],
]

const HOSTS = [
  'evil.example',
  '',
  'localhost',
  '127.0.0.1:99999',
  '[::1]',
  'a b',
  'localhost@evil.example',
  '127.0.0.1.evil.example',
]

/** All that is said about a request beside what it is. */
export const HEADER_MUTATIONS: readonly (readonly [weight: number, name: string, mutation: Mutation])[] = [
  [2, 'content type', ({ request }, random) => set(request, 'Content-Type', random.pick(CONTENT_TYPES))],
  [3, 'authorization', ({ request }, random) => set(request, 'Authorization', random.pick(AUTHORIZATIONS))],
  [1, 'no authorization', ({ request }) => drop(request, 'Authorization')],
  [
    1,
    'token in the query',
    ({ request, asker }) => {
      drop(request, 'Authorization')
      request.query.push(`access_token=${encodeURIComponent(asker.token)}`)
    },
  ],
  [
    1,
    'token cut',
    ({ request, asker }, random) =>
      set(request, 'Authorization', `Bearer ${asker.token.slice(0, random.below(asker.token.length))}`),
  ],
  [1, 'host', ({ request }, random) => set(request, 'Host', random.pick(HOSTS))],
  [1, 'no host', ({ request }) => drop(request, 'Host')],
  [
    6,
    'odd header',
    ({ request }, random) => {
      const [name, values] = random.pick(OTHERS)
      request.headers.push([name, random.pick(values)])
    },
  ],
  [
    1,
    'header twice',
    ({ request }, random) => {
      const [name, value] = random.pick(request.headers.length > 0 ? request.headers : [['X', 'y'] as [string, string]])
      request.headers.push([name, random.chance(0.5) ? value : 'x'])
    },
  ],
  [
    1,
    'many headers',
    ({ request }, random) => {
      const length = random.pick([100, 1_000, 2_100])
      request.headers.push(...Array.from({ length }, (_, at): [string, string] => [`X-${at}`, 'y']))
    },
  ],
  [1, 'huge header', ({ request }, random) => set(request, 'X-Huge', 'x'.repeat(random.pick([8_000, 17_000, 80_000])))],
  [1, 'broken header', ({ request }, random) => brokenHeader(request, random)],
]

function brokenHeader(request: WireRequest, random: Random): void {
  const [name, value] = random.pick<[string, string]>([
    ['X Y', 'z'],
    ['X', 'a\u0000b'],
    ['X', 'a\rb'],
    ['X', 'a\nInjected: b'],
    ['', 'x'],
    ['X', 'a\r\n folded'],
    ['\u00e9', 'x'],
    ['X:', 'y'],
  ])
  request.headers.push([name, value])
}

function set(request: WireRequest, name: string, value: string): void {
  drop(request, name)
  request.headers.push([name, value])
}

function drop(request: WireRequest, name: string): void {
  request.headers = request.headers.filter(([one]) => one.toLowerCase() !== name.toLowerCase())
}
