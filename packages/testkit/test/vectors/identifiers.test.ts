import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEventId, parseRoomAlias, parseRoomId, parseServerName, parseUserId } from '@starling/protocol'
import { loadVectors, type NamedCase } from './load-vectors.ts'

interface IdentifierCase extends NamedCase {
  readonly kind: keyof typeof PARSERS
  readonly text: string
  readonly valid: boolean
}

const PARSERS = {
  'server name': parseServerName,
  'user id': (text: string) => parseUserId(text, 'strict'),
  'historical user id': (text: string) => parseUserId(text, 'historical'),
  'room id': (text: string) => parseRoomId(text, 'domain'),
  'hash room id': (text: string) => parseRoomId(text, 'hash'),
  'event id': (text: string) => parseEventId(text, 'domain'),
  'hash event id': (text: string) => parseEventId(text, 'hash'),
  'room alias': parseRoomAlias,
} as const

for (const { kind, name, text, valid } of loadVectors<IdentifierCase>('identifiers.json').cases) {
  test(`identifiers: ${kind}: ${name}`, () => {
    assert.equal(PARSERS[kind](text), valid ? text : undefined)
  })
}
