import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdError } from './id-error.ts'
import { localpartOf, serverOf } from './id-parts.ts'
import { assertKeyId, parseKeyId } from './key-id.ts'
import {
  assertEventId,
  assertRoomAlias,
  assertRoomId,
  createIdOfRoom,
  parseEventId,
  parseRoomAlias,
  parseRoomId,
  roomIdOfCreate,
} from './room-id.ts'
import { assertServerName, parseServerName } from './server-name.ts'
import { assertUserId, isStrictLocalpart, makeUserId, parseUserId } from './user-id.ts'

const HASH = 'Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg'

function accepts(parse: (text: unknown) => unknown, texts: readonly unknown[]): void {
  for (const text of texts) assert.equal(parse(text), text, `should be accepted: ${JSON.stringify(text)}`)
}

function refuses(parse: (text: unknown) => unknown, texts: readonly unknown[]): void {
  for (const text of texts) assert.equal(parse(text), undefined, `should be refused: ${JSON.stringify(text)}`)
}

test('appendices, "Server Name": examples and their neighbours', () => {
  accepts(parseServerName, [
    'matrix.org',
    'matrix.org:8888',
    '1.2.3.4',
    '1.2.3.4:1234',
    '[1234:5678::abcd]',
    '[1234:5678::abcd]:5678',
    'MATRIX.org',
  ])
  refuses(parseServerName, [
    '',
    'a b',
    'a_b',
    'matrix.org:',
    'matrix.org:123456',
    'matrix.org:x',
    '[::1',
    '[xyz]',
    'é.org',
    'a'.repeat(256),
    'matrix.org\n',
    undefined,
    3,
  ])
})

test('appendices, "User Identifiers": strict and historical grammar', () => {
  const both = ['@a:b', '@a.b_c=d-e/f+1:matrix.org:8448', `@${'a'.repeat(247)}:b.test`]
  accepts(parseUserId, both)
  accepts((text) => parseUserId(text, 'strict'), both)
  const historical = ['@A:b', '@:b', '@ü😀:b', '@a b:c', `@${'é'.repeat(123)}:b.test`]
  accepts(parseUserId, historical)
  refuses((text) => parseUserId(text, 'strict'), historical)
  refuses(parseUserId, [
    'a:b',
    '@a',
    '@a:',
    '@a:b c',
    '@a\0:b',
    '@\ud800:b',
    `@${'a'.repeat(248)}:b.test`,
    `@${'é'.repeat(124)}:b.test`,
    undefined,
    {},
  ])
  assert.equal(isStrictLocalpart('p2p'), true)
  assert.equal(isStrictLocalpart('P2P'), false)
  assert.equal(makeUserId('p2p', assertServerName('a.test')), '@p2p:a.test')
  assert.throws(() => makeUserId('Ä', assertServerName('a.test')), IdError)
})

test('appendices, "Room IDs" and "Event IDs": with a server, or as a hash', () => {
  accepts(parseRoomId, ['!x:domain', `!${HASH}`, '!with spaces:a.test'])
  accepts(parseEventId, ['$0:domain', `$${HASH}`, '$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk'])
  refuses(parseRoomId, ['!', '!x', `!${HASH}A`, '!\0:a', '!x:', `$${HASH}`, `!${'x'.repeat(250)}:a.test`])
  refuses(parseEventId, ['$', '$x', `!${HASH}`, `$${HASH.slice(1)}`, `$${HASH.slice(1)}!`])
  assert.equal(parseRoomId('!x:domain', 'hash'), undefined)
  assert.equal(parseRoomId(`!${HASH}`, 'domain'), undefined)
  assert.equal(parseEventId('$0:domain', 'hash'), undefined)
  const create = assertEventId(`$${HASH}`)
  assert.equal(roomIdOfCreate(create), `!${HASH}`)
  assert.equal(createIdOfRoom(roomIdOfCreate(create)), create)
})

test('appendices, "Room Aliases"', () => {
  accepts(parseRoomAlias, ['#a:b', '#ü:matrix.org:1'])
  refuses(parseRoomAlias, ['#a', 'a:b', '#a:b c', `#${HASH}`, '#\0:b'])
})

test('signing key ids', () => {
  accepts(parseKeyId, ['ed25519:1', 'ed25519:a_Key', 'ed25519:identity'])
  refuses(parseKeyId, ['ed25519:', 'rsa:1', 'ed25519:a b', 'ed25519:a-b', 1])
})

test('the parts of an id', () => {
  const user = assertUserId('@a:b:8448')
  assert.equal(serverOf(user), 'b:8448')
  assert.equal(localpartOf(user), 'a')
  assert.equal(serverOf(assertRoomId(`!${HASH}`)), undefined)
  assert.equal(localpartOf(assertEventId(`$${HASH}`)), HASH)
})

test('assert variants throw an IdError that names kind and text, cut to a bounded length', () => {
  const long = 'x'.repeat(100_000)
  const asserts = [
    [assertUserId, 'user id'],
    [assertRoomId, 'room id'],
    [assertEventId, 'event id'],
    [assertServerName, 'server name'],
    [assertRoomAlias, 'room alias'],
    [assertKeyId, 'key id'],
  ] as const
  for (const [assertId, kind] of asserts) {
    assert.throws(
      () => assertId(long),
      (error: unknown) => error instanceof IdError && error.kind === kind && error.message.length < 400,
    )
  }
})
