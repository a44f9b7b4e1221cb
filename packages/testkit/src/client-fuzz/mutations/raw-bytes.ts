import { mutateBytes } from '../../fuzz/mutate-bytes.ts'
import type { Random } from '../../fuzz/random.ts'
import { finish } from '../build-request.ts'
import { bytesOf } from '../wire-request.ts'
import type { Mutation } from './mutation.ts'

/** What arrives on a port that anybody can reach, and is no HTTP/1.1. */
const STRANGERS = [
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'SSH-2.0-OpenSSH_9.6\r\n',
  'EHLO evil.example\r\n',
  '\x00\x00\x00\x85\xffSMBr',
  'GET / HTTP/0.9\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/3.7\r\nHost: localhost\r\n\r\n',
  'GET /\r\n\r\n',
  'GET\r\n\r\n',
  '\r\n\r\n\r\n',
  ' GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET  /  HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET / HTTP/1.1\nHost: localhost\n\n',
  '{"method":"GET"}',
  '/multistream/1.0.0\n',
]

export const RAW_MUTATIONS: readonly (readonly [weight: number, name: string, mutation: Mutation])[] = [
  [
    2,
    'no HTTP',
    ({ request }, random) => {
      request.raw = random.chance(0.8) ? Buffer.from(random.pick(STRANGERS), 'latin1') : random.bytes(random.below(300))
    },
  ],
  [
    3,
    'bent message',
    (draft, random) => {
      draft.request.raw = mutateBytes(bytesOf(finish(draft)), random)
    },
  ],
  [
    2,
    'message cut off',
    (draft, random) => {
      const whole = bytesOf(finish(draft))
      draft.request.raw = whole.subarray(0, random.below(whole.length))
    },
  ],
  [1, 'bent request line', ({ request }, random) => bendRequestLine(request, random)],
]

function bendRequestLine(request: { method: string; version: string }, random: Random): void {
  if (random.chance(0.5))
    request.version = random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1', 'XTTP/1.1', ''])
  else request.method = random.pick(['get', 'G E T', 'GET\t', '', 'X'.repeat(300), 'PURGE', '\u00e9'])
}
