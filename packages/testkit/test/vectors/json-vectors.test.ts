import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertBase64,
  canonicalJson,
  contentHash,
  decodeBase64,
  decodeBase64Url,
  encodeBase64,
  encodeBase64Url,
  eventIdOf,
  hashAndSignEvent,
  JsonError,
  type JsonObject,
  type KeyId,
  parseStrictJson,
  type RoomVersionRules,
  redact,
  referenceHash,
  roomVersionRules,
  type ServerName,
  type Signer,
  signJson,
  verifyEventSignature,
  verifyJsonSignature,
} from '@starling/protocol'
import { testCrypto } from '../../src/test-crypto.ts'
import { loadVectors, type NamedCase, type VectorSigner } from './load-vectors.ts'

const { ed25519, sha256 } = testCrypto

function rulesOf(version: string): RoomVersionRules {
  return roomVersionRules(version) ?? assert.fail(`no room version ${version}`)
}

function signerOf({ server, key_id, seed }: VectorSigner): Signer {
  return { server: server as ServerName, keyId: key_id as KeyId, seed: assertBase64(seed) }
}

interface CanonicalCase extends NamedCase {
  readonly input: string
  readonly expected?: string
  readonly refused?: true
}

for (const { name, input, expected, refused } of loadVectors<CanonicalCase>('canonical-json.json').cases) {
  test(`canonical JSON: ${name}`, () => {
    if (refused) assert.throws(() => canonicalJson(parseStrictJson(input)), JsonError)
    else assert.equal(canonicalJson(parseStrictJson(input)), expected)
  })
}

interface Base64Case extends NamedCase {
  readonly hex: string
  readonly base64: string
  readonly base64url: string
}

for (const { name, hex, base64, base64url } of loadVectors<Base64Case>('base64.json').cases) {
  test(`base64: ${name}`, () => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
    assert.equal(encodeBase64(bytes), base64)
    assert.equal(encodeBase64Url(bytes), base64url)
    assert.deepEqual(decodeBase64(base64), bytes)
    assert.deepEqual(decodeBase64Url(base64url), bytes)
    assert.deepEqual(decodeBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '=')), bytes, 'padding is accepted')
  })
}

interface SigningCase extends NamedCase {
  readonly json: JsonObject
  readonly signature: string
}

const signing = loadVectors<SigningCase, { readonly signer: VectorSigner }>('json-signing.json')
for (const { name, json, signature } of signing.cases) {
  test(`JSON signing: ${name}`, () => {
    const { server, key_id, public_key } = signing.signer
    const signed = signJson(json, signerOf(signing.signer), ed25519) as JsonObject & { signatures: JsonObject }
    assert.equal((signed.signatures[server] as JsonObject)[key_id], signature)
    assert.deepEqual(withoutOwnSignature(signed, server, key_id), withoutOwnSignature(json, server, key_id))
    const key = assertBase64(public_key)
    assert.equal(verifyJsonSignature(signed, server, key_id, key, ed25519), true)
    assert.equal(verifyJsonSignature({ ...signed, more: 1 }, server, key_id, key, ed25519), false)
  })
}

/** Everything but one signature: signing must leave it as it was. */
function withoutOwnSignature(json: JsonObject, server: string, keyId: string): JsonObject {
  const { [server]: own = {}, ...others } = (json.signatures ?? {}) as JsonObject
  const { [keyId]: _, ...otherKeys } = own as JsonObject
  return { ...json, signatures: { ...others, [server]: otherKeys } }
}

interface RedactionCase extends NamedCase {
  readonly version: string
  readonly event: string
  readonly removed: readonly string[]
  readonly content: JsonObject
}

const redaction = loadVectors<RedactionCase, { readonly events: Readonly<Record<string, JsonObject>> }>(
  'redaction.json',
)
for (const { name, version, event, removed, content } of redaction.cases) {
  test(`redaction: ${name}`, () => {
    const whole = redaction.events[event] ?? assert.fail(`no event ${event}`)
    const expected = Object.fromEntries(Object.entries(whole).filter(([key]) => !removed.includes(key)))
    assert.deepEqual(redact(whole, rulesOf(version)), { ...expected, content })
  })
}

interface EventCase extends NamedCase {
  readonly version: string
  readonly event: JsonObject
  readonly content_hash: string
  readonly reference_hash: string
  readonly event_id: string
  readonly signature: string
}

const hashed = loadVectors<EventCase, { readonly signer: VectorSigner }>('event-hashes.json')
for (const { name, version, event, ...expected } of hashed.cases) {
  test(`event hashes and signature: ${name}`, () => {
    const { server, key_id, public_key } = hashed.signer
    const rules = rulesOf(version)
    assert.equal(encodeBase64(contentHash(event, sha256)), expected.content_hash)
    const signed = hashAndSignEvent(event, signerOf(hashed.signer), rules, testCrypto)
    assert.deepEqual(signed.hashes, { sha256: expected.content_hash })
    assert.deepEqual(signed.signatures, { [server]: { [key_id]: expected.signature } })
    assert.equal(encodeBase64(referenceHash(signed, rules, sha256)), expected.reference_hash)
    assert.equal(eventIdOf(signed, rules, sha256), expected.event_id)
    const key = assertBase64(public_key)
    assert.equal(verifyEventSignature(signed, server, key_id, key, rules, ed25519), true)
    const redacted = redact(signed, rules)
    assert.equal(verifyEventSignature(redacted, server, key_id, key, rules, ed25519), true, 'a redacted copy verifies')
    assert.equal(encodeBase64(referenceHash(redacted, rules, sha256)), expected.reference_hash)
  })
}
