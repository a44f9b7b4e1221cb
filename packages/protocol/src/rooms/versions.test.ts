import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_ROOM_VERSION, roomVersionRules, SUPPORTED_VERSIONS } from './versions.ts'

/** Version → what it changed, from the first paragraphs of each version's page. */
const CHANGES = [
  ['2', 'stateResolution', 'v2'],
  ['3', 'eventReferences', 'ids'],
  ['3', 'eventId', 'base64'],
  ['4', 'eventId', 'base64url'],
  ['5', 'keyValidity', true],
  ['11', 'redacts', 'content'],
  ['12', 'roomId', 'hash'],
  ['12', 'stateResolution', 'v2.1'],
] as const

test('each version differs from the one before it in what it says', () => {
  for (const [version, key, value] of CHANGES) {
    assert.equal(roomVersionRules(version)?.[key], value, `${version} ${key}`)
    assert.notEqual(roomVersionRules(String(Number(version) - 1))?.[key], value, `before ${version} ${key}`)
  }
})

test('versions 1 to 12 are known, others are not, and nothing of the language is a version', () => {
  for (let version = 1; version <= 12; version++)
    assert.equal(roomVersionRules(String(version))?.version, String(version))
  for (const version of ['0', '13', '', '1.0', 'constructor', '__proto__', 'org.matrix.msc3757.10']) {
    assert.equal(roomVersionRules(version), undefined)
  }
})

test('the default is supported, and so are all others that are known', () => {
  assert.equal(SUPPORTED_VERSIONS[DEFAULT_ROOM_VERSION], 'stable')
  assert.deepEqual(Object.keys(SUPPORTED_VERSIONS), ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'])
})
