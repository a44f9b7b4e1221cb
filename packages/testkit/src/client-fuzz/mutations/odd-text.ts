import type { Random } from '../../fuzz/random.ts'

/** Percent-encoded pieces that do not decode, or decode to what leaves its place. */
const BROKEN_ENCODINGS = ['%', '%f', '%ff', '%zz', '%E0%A4', '%C0%AF', '%ED%A0%80', '%00', 'a%00b', '%0d%0aX-Evil:%201']

const TRAVERSALS = ['..', '.', '%2e%2e', '..%2f..%2fetc%2fpasswd', '..%5c..', '%2F', '%2F%2F', '%5c', ';x=y', '.git']

/** Ids of every kind, whole and broken, encoded. */
const IDS = [
  '!',
  '!x',
  '!x:',
  '!%3A',
  '!room%3Aevil.example%3A99999',
  '!room%3A%5B%3A%3A1%5D',
  '@',
  '@%3A',
  '@UPPER%3Ahere.test',
  '@%C3%BC%3Ahere.test',
  '@a%3Ab%3Ac%3Ad',
  '#',
  '#%3A',
  '%24',
  '%24%24',
  '%24x%3Ahere.test',
  'mxc%3A%2F%2Fa%2Fb',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'undefined',
  'null',
  'NaN',
  '-1',
  '0',
  '1e309',
  '9'.repeat(30),
  '*',
  '%25',
  '%F0%9F%98%80',
  '%E2%80%AE',
  '%20',
  '',
]

const LONG = [255, 256, 1_000, 5_000, 14_000]

/** A piece of a path or a query value as it stands on the request line. */
export function oddPiece(random: Random): string {
  return random.weighted<() => string>([
    [3, () => random.pick(IDS)],
    [2, () => random.pick(BROKEN_ENCODINGS)],
    [2, () => random.pick(TRAVERSALS)],
    [1, () => random.pick(['!', '@', '#', '%24', '', '%C3%A9']) + 'a'.repeat(random.pick(LONG))],
    [1, () => encodeURIComponent(String.fromCharCode(1 + random.below(31)))],
  ])()
}

const NUMBERS = [
  ...[
    '',
    '-1',
    '0',
    '00',
    '1',
    '1.5',
    '1e9',
    '1e309',
    '-0',
    '+1',
    ' 1',
    '0x10',
    'NaN',
    'Infinity',
    'true',
    'null',
    '٣',
  ],
  ...['2147483648', '4294967296', '9007199254740991', '9007199254740992', '-9223372036854775809', '9'.repeat(21)],
]

/** A query value: numbers out of every range, tokens of every kind, JSON that is none. */
export function oddValueText(random: Random): string {
  return random.weighted<() => string>([
    [3, () => encodeURIComponent(random.pick(NUMBERS))],
    [2, () => oddPiece(random)],
    [
      2,
      () =>
        `${random.pick(['s', 't', 'p', 'e', 'm', 's1_', 't1-', ''])}${random.pick(NUMBERS).replaceAll(/[^\w.-]/g, '')}`,
    ],
    [
      2,
      () =>
        encodeURIComponent(
          random.pick([
            '{',
            '{}',
            '[]',
            '{"room":5}',
            '{"room":{"timeline":{"limit":1e999}}}',
            `{"event_fields":${JSON.stringify(Array.from({ length: 300 }, () => 'content.body'))}}`,
            '{"room":{"rooms":["!x"],"not_rooms":["!x"],"timeline":{"types":["*","**","*?*?*"]}}}',
            '{"__proto__":{"limit":1}}',
            `${'['.repeat(500)}${']'.repeat(500)}`,
          ]),
        ),
    ],
    [
      1,
      () => encodeURIComponent(random.pick(['http://[::1]/', 'http://127.0.0.1:1/', 'file:///etc/passwd', 'http://'])),
    ],
  ])()
}
