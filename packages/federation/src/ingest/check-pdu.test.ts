import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { twoServers } from '../../test/two-servers.ts'

async function message() {
  const servers = await twoServers()
  const { b, bob, roomId } = servers
  const json = (await b.pdu(await b.message(roomId, bob, 'signed'))).json
  const check = (changed: JsonObject) => servers.a.engine.check({ ...json, ...changed }, servers.version)
  const codeOf = async (changed: JsonObject) => {
    const result = await check(changed)
    return result.ok ? 'ok' : result.code
  }
  return { ...servers, json, check, codeOf }
}

test('bad input 33: bad signature, unknown key and no signature are dropped', async () => {
  const { json, codeOf, b, keys } = await message()
  assert.equal(await codeOf({}), 'ok')
  const [keyId = ''] = Object.keys(json.signatures[b.keys.serverName] ?? {})
  const signature = (value: string) => ({ signatures: { [b.keys.serverName]: { [keyId]: value } } })
  assert.equal(await codeOf(signature('A'.repeat(86))), 'bad_signature')
  assert.equal(
    await codeOf({ signatures: { [b.keys.serverName]: { 'ed25519:other': 'A'.repeat(86) } } }),
    'unknown_key',
  )
  assert.equal(await codeOf({ signatures: {} }), 'missing_signature')
  assert.equal(await codeOf({ depth: 99 }), 'bad_signature', 'what is signed was changed')
  keys.delete(b.keys.serverName)
  assert.equal(await codeOf({}), 'unknown_key')
})

test('bad input 34: a content hash that does not match leaves the redacted form, with the same id', async () => {
  const { check, json } = await message()
  const intact = await check({})
  const changed = await check({ content: { msgtype: 'm.text', body: 'not what was signed' } })
  assert.ok(intact.ok && changed.ok)
  assert.equal(intact.checked.redacted, false)
  assert.equal(changed.checked.redacted, true)
  assert.deepEqual(changed.checked.pdu.content, {})
  assert.equal(changed.checked.pdu.eventId, intact.checked.pdu.eventId)
  assert.deepEqual(intact.checked.pdu.content, json.content)
})

test('bad input 35: a claimed event id is not believed', async () => {
  const { check } = await message()
  const honest = await check({})
  const forged = await check({ event_id: `$${'f'.repeat(43)}` })
  assert.ok(honest.ok)
  // In these versions `event_id` is content like any other: it changes the hash, and the id is computed all the same.
  assert.ok(!forged.ok || forged.checked.pdu.eventId !== `$${'f'.repeat(43)}`)
})

test('bad input 34: in version 10 a wrong hash does not make an unsigned third-party invite a plain one', async () => {
  const { a, b, alice, roomId, version } = await twoServers('10')
  const invite = await b.craft(roomId, {
    sender: alice,
    type: 'm.room.member',
    stateKey: '@mallory:evil.test',
    content: { membership: 'invite', third_party_invite: { signed: { mxid: '@mallory:evil.test', token: 't' } } },
  })
  const forged = { ...invite, signatures: {}, hashes: { sha256: 'A'.repeat(43) } }
  const result = await a.engine.check(forged, version)
  assert.deepEqual(result.ok ? result.checked.pdu.content : result.code, 'missing_signature')
  // With its hash it stays what it is: excused from the signature, and judged by the third-party invite that it names.
  const intact = await a.engine.check({ ...invite, signatures: {} }, version)
  assert.ok(intact.ok)
  assert.equal((await a.engine.receive(intact.checked)).kind, 'rejected')
})

test("bad input 36: an event signed by another server than its sender's is dropped", async () => {
  const { a, b, alice, roomId, version } = await message()
  const forged = await b.craft(roomId, { sender: alice, type: 'm.room.message' })
  const result = await a.engine.check(forged, version)
  assert.ok(!result.ok)
  assert.equal(result.code, 'missing_signature')
})

test('bad input 37: 21 prev events or 11 auth events are too many', async () => {
  const { codeOf } = await message()
  const ids = (count: number) => Array.from({ length: count }, (_, n) => `$${String(n).padStart(43, 'p')}`)
  assert.equal(await codeOf({ prev_events: ids(21) }), 'bad_prev_events')
  assert.equal(await codeOf({ auth_events: ids(11) }), 'bad_auth_events')
  assert.equal(await codeOf({ prev_events: ids(20) }), 'bad_signature', 'twenty are fine by number')
})

test('an unknown room version and what is no event are refused without a throw', async () => {
  const { a, json } = await message()
  assert.deepEqual(await a.engine.check(json, '99'), {
    ok: false,
    code: 'unknown_room_version',
    reason: 'a room version that is not known here',
  })
  for (const junk of [{}, { type: 3 }, { ...json, content: [] }]) {
    assert.equal((await a.engine.check(junk as JsonObject, '12')).ok, false)
  }
})
