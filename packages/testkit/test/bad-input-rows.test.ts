import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/**
 * Each row of the list of bad inputs that a node has to survive is proven by at least one test that carries its number:
 * `test('bad input 33: a bad signature is dropped', …)`. A test of several rows names them all: `bad input 23, 29: …`.
 */
const ROWS: Readonly<Record<number, string>> = {
  1: 'truncated JSON',
  2: 'bad UTF-8, lone surrogate',
  3: 'floats and integers beyond 2^53 in events',
  4: 'duplicate keys',
  5: '__proto__ and constructor keys',
  6: '5,000-deep nesting',
  7: 'oversize body',
  8: 'gzip bomb',
  9: 'NUL and path traversal in path parts',
  10: 'huge headers',
  11: 'unknown route or method',
  12: 'Content-Length with Transfer-Encoding',
  13: 'missing, unknown, revoked token',
  14: 'the same transaction id again, also after a crash',
  15: 'event too large',
  16: 'forged since and from',
  17: 'limit=1e9',
  18: 'filter with 10,000 rooms',
  19: 'login flood, room-creation flood',
  20: 'malformed device keys',
  21: '500 abandoned long-polls',
  22: 'foreign Host on a loopback listener',
  23: 'reading a room before joining',
  24: 'an event asked for through another room',
  25: 'self-promotion, demoting a version 12 creator',
  26: 'ban or kick of an equal',
  27: 'forged join_authorised_via_users_server',
  28: "another user's account data, devices, filters",
  29: "a private room's members or summary from outside",
  30: 'authenticated media without a token',
  31: 'a client route from a peer',
  32: 'SSO redirect to a foreign origin',
  33: 'bad signature, unknown key, expired key',
  34: 'content hash mismatch',
  35: 'forged event id',
  36: "signer is not the sender's server",
  37: '21 prev events, 11 auth events',
  38: 'absurd depth',
  39: 'auth events of another room, duplicate, missing, rejected',
  40: 'version 12 create events',
  41: 'allowed by its auth events, not by current state',
  42: 'giant or malformed invite_room_state',
  43: 'Ed25519 edge cases',
  44: '51 PDUs or 101 EDUs in one request',
  45: 'EDU for a user of another server',
  46: 'a page full of rejected events',
  47: 'an event that would break outbound sending',
  48: 'malicious make_join template',
  49: 'redaction by someone without the power',
  50: 'path room id differs from body room id',
  51: 'send_join answer with unsigned or forged events',
  52: 'parents that nobody has',
  53: '100,000 fake ancestors',
  54: '1,000 forward extremities',
  55: 'MSC4297 problem cases A and B',
  56: 'auth-chain blow-up',
  57: 'a banned user extends an old branch',
  58: 'equivocation',
  59: 'redaction across rooms, of itself, mutual',
  60: 'server under ACL, event passed on by a third node',
  64: 'replay after the seen-cache expired',
  70: 'partition and heal',
  71: 'half-open connection',
  72: 'reorder, duplicate',
  73: 'clocks a day apart',
  74: 'a peer reading 1 KB/s',
  75: 'hole punching fails',
  76: 'eight hours asleep',
  77: 'kill -9 at any moment',
  80: 'second process on one directory',
  82: 'identity key file missing where data exist',
  83: 'slow-loris, a reader that never reads',
  84: 'pixel bomb, zip bomb, polyglot image',
  85: 'URL preview to loopback, LAN, link-local',
  86: 'endless or deeply nested preview page',
  87: 'push rules that explode',
  88: 'media flood from outside',
  89: 'malicious server ACL globs',
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Rows in the name of every test that a source declares and that is run: skipped, commented and only mentioned ones do not count. */
function rowsNamedIn(source: string): number[] {
  const code = source.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  const names = [...code.matchAll(/\b(?:test|it)\(\s*(['"`])(.*?)\1\s*,/gs)].map((match) => match[2] ?? '')
  return names.flatMap((name) => {
    const rows = /^bad input (\d+(?:(?:, | and )\d+)*): /.exec(name)?.[1] ?? ''
    return rows.match(/\d+/g)?.map(Number) ?? []
  })
}

test('every row that has to be survived has a test that carries its number', () => {
  const files = globSync('packages/*/{src,test}/**/*.test.ts', { cwd: ROOT })
  const named = new Set(files.flatMap((file) => rowsNamedIn(readFileSync(join(ROOT, file), 'utf8'))))
  const bare = Object.entries(ROWS).filter(([row]) => !named.has(Number(row)))
  const wanted = bare.map(([row, what]) => `test('bad input ${row}: …') for: ${what}`)
  assert.deepEqual(wanted, [], `of ${files.length} test files none declares:\n${wanted.join('\n')}`)
})

/** Source → rows that it counts for. */
const SOURCES: Readonly<Record<string, readonly number[]>> = {
  "test('bad input 7: x', () => {})": [7],
  'test(`bad input 7: ${what} is refused`, () => {})': [7],
  "test('bad input 7, 8 and 9: x', () => {})": [7, 8, 9],
  "test(\n  'bad input 7: long',\n  () => {},\n)": [7],
  "test('bad input 7, twin: the attack works', () => {})": [],
  "test.skip('bad input 7: x', () => {})": [],
  "// test('bad input 7: x', () => {})": [],
  "assert.ok(x, 'bad input 7: x')": [],
  "test('what bad input 7: means', () => {})": [],
}

for (const [source, rows] of Object.entries(SOURCES)) {
  test(`rows named in ${JSON.stringify(source)}`, () => assert.deepEqual(rowsNamedIn(source), rows))
}
