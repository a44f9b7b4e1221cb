import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertBase64 } from '../ids/base64.ts'
import type { KeyId, ServerName } from '../ids/branded.ts'
import { parseStrictObject } from '../json/strict-parse.ts'
import type { JsonObject } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { roomVersionRules } from '../rooms/versions.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'
import { contentHashMatches } from './event-hashes.ts'
import { hashAndSignEvent, verifyEventSignature } from './sign-event.ts'
import { type Signer, signJson, verifyJsonSignature } from './sign-json.ts'

// Appendices, "Cryptographic Test Vectors".
const signer: Signer = {
  server: 'domain' as ServerName,
  keyId: 'ed25519:1' as KeyId,
  seed: assertBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'),
}
const publicKey = sodiumCrypto.ed25519.publicKey(signer.seed)
// The vectors are of the oldest redaction rules, and of an event without an id where one has it: version 3.
const rules = roomVersionRules('3') as RoomVersionRules

const JSON_VECTORS: readonly (readonly [json: JsonObject, signature: string])[] = [
  [{}, 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ'],
  [{ one: 1, two: 'Two' }, 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw'],
]

for (const [json, signature] of JSON_VECTORS) {
  test(`appendices, JSON signing: ${JSON.stringify(json)}`, () => {
    const signed = signJson(json, signer, sodiumCrypto.ed25519)
    assert.deepEqual(signed, { ...json, signatures: { domain: { 'ed25519:1': signature } } })
    assert.equal(verifyJsonSignature(signed, 'domain', 'ed25519:1', publicKey, sodiumCrypto.ed25519), true)
    const changed = { ...signed, added: true }
    assert.equal(verifyJsonSignature(changed, 'domain', 'ed25519:1', publicKey, sodiumCrypto.ed25519), false)
  })
}

const MINIMAL = `{
  "room_id": "!x:domain", "sender": "@a:domain", "origin": "domain", "origin_server_ts": 1000000,
  "signatures": {}, "hashes": {}, "type": "X", "content": {}, "prev_events": [], "auth_events": [], "depth": 3,
  "unsigned": { "age_ts": 1000000 }
}`

const REDACTABLE = `{
  "content": { "body": "Here is the message content" },
  "event_id": "$0:domain", "origin": "domain", "origin_server_ts": 1000000, "type": "m.room.message",
  "room_id": "!r:domain", "sender": "@u:domain", "signatures": {}, "unsigned": { "age_ts": 1000000 }
}`

const EVENT_VECTORS = [
  {
    name: 'minimally-sized event',
    event: MINIMAL,
    hash: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos',
    signature: 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
  },
  {
    name: 'event with redactable content',
    event: REDACTABLE,
    hash: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g',
    signature: 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
  },
]

for (const { name, event, hash, signature } of EVENT_VECTORS) {
  test(`appendices, event signing: ${name}`, () => {
    const given = parseStrictObject(event)
    const signed = hashAndSignEvent(given, signer, rules, sodiumCrypto)
    assert.deepEqual(signed, {
      ...given,
      hashes: { sha256: hash },
      signatures: { domain: { 'ed25519:1': signature } },
    })
    assert.equal(contentHashMatches(signed, sodiumCrypto.sha256), true)
    assert.equal(verifyEventSignature(signed, 'domain', 'ed25519:1', publicKey, rules, sodiumCrypto.ed25519), true)
    // server_keys and unsigned travel outside hash and signature.
    const carried = { ...signed, server_keys: { any: 'thing' }, unsigned: { age: 1 } }
    assert.equal(contentHashMatches(carried, sodiumCrypto.sha256), true)
    assert.equal(verifyEventSignature(carried, 'domain', 'ed25519:1', publicKey, rules, sodiumCrypto.ed25519), true)
  })
}
