import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { JsonError, type JsonObject, type RoomId } from '@starling/protocol'
import type { FuzzNode } from '../../src/fuzz/fuzz-node.ts'
import { signedEvent } from '../../src/hostile/signed-event.ts'
import { bodies, VirtualNodes } from '../../src/hostile/virtual-nodes.ts'

const utf8 = new TextEncoder()
const REQUEST_PROTOCOL = '/starling/request/1'

function nest(depth: number): JsonObject {
  let value: JsonObject = {}
  for (let level = 0; level < depth; level++) value = { a: value }
  return value
}

interface Breaker {
  /** Made before hash and signature, which are right. */
  readonly change?: (event: JsonObject) => JsonObject
  /** Made in the text, for what no honest writer can write. */
  readonly write?: (text: string) => string
}

/**
 * CVE-2025-30355: an event that is stored, and over which every later transaction that would carry it, or anything beside it,
 * fails. `PLACE` stands in a content that is otherwise right.
 */
const BREAKERS: Readonly<Record<string, Breaker>> = {
  'a depth that is no number': { change: (event) => ({ ...event, depth: null }) },
  'a depth beyond what JSON can carry on': {
    write: (text) => text.replace('"depth":30', '"depth":9223372036854775807'),
  },
  'a depth of NaN': { write: (text) => text.replace('"depth":30', '"depth":NaN') },
  'a fraction in its content': { write: (text) => text.replace('"PLACE"', '0.1') },
  'an exponent in its content': { write: (text) => text.replace('"PLACE"', '1e3') },
  'a number that overflows': { write: (text) => text.replace('"PLACE"', '1e400') },
  'a lone surrogate': { write: (text) => text.replace('PLACE', '\\ud800') },
  'one key twice': { write: (text) => text.replace('"place":"PLACE"', '"place":"x","place":"y"') },
  'a nesting as deep as the parser goes': { change: (event) => ({ ...event, content: nest(96) }) },
  'a nesting without end': { write: (text) => text.replace('"PLACE"', '['.repeat(50_000) + ']'.repeat(50_000)) },
  'more than 64 KiB': { change: (event) => ({ ...event, content: { body: 'x'.repeat(66_000) } }) },
  'more than 64 KiB in bytes, less in characters': {
    change: (event) => ({ ...event, content: { body: 'é'.repeat(33_000) } }),
  },
  'an unsigned that nobody can write': { write: (text) => text.replace(/\}$/, ',"unsigned":{"age":1e400}}') },
}

for (const [what, { change, write }] of Object.entries(BREAKERS)) {
  test(`bad input 47: an event with ${what} is not stored, and this node's own go out as before`, async (t) => {
    const { net, mallory, victim, friend, roomId, topic } = await threeNodes(t)
    const event = JSON.stringify(await message(mallory, victim, roomId, change))
    const text = write ? write(event) : event
    assert.ok(change || text !== event)
    const bytes = utf8.encode(text)
    const rows = victim.store.size
    assert.notEqual(await victim.host.hear(mallory.host.peerId, topic, bytes), 'accept')
    const frame = transactionFrame(mallory, victim, text)
    await victim.host.serve(mallory.host.peerId, REQUEST_PROTOCOL, frame).catch(() => undefined)
    await net.settle()
    assert.equal(victim.store.size, rows, 'nothing of it on the disk')
    await victim.say(roomId, 'still here')
    await net.settle()
    assert.deepEqual(await bodies(friend, roomId), ['still here'])
    // Also to one who has to be told in a request, and to one who catches up.
    const late = await net.add('late')
    await late.join(roomId, victim)
    await late.exchange.reconcile(victim.serverName)
    await late.rooms.reader.timeline(roomId, { direction: 'b', limit: 100 })
    await net.settle()
    assert.ok((await bodies(late, roomId)).includes('still here'))
    assert.equal(net.faults.total, 0)
  })
}

test('bad input 47, twin: the same event without the defect is stored, and does go out', async (t) => {
  const { net, mallory, victim, friend, roomId, topic } = await threeNodes(t)
  const bytes = utf8.encode(JSON.stringify(await message(mallory, victim, roomId)))
  assert.equal(await victim.host.hear(mallory.host.peerId, topic, bytes), 'accept')
  await net.settle()
  await victim.say(roomId, 'still here')
  await net.beat()
  assert.deepEqual((await bodies(friend, roomId)).sort(), ['hello', 'still here'])
})

async function threeNodes(t: TestContext) {
  const net = new VirtualNodes()
  t.after(() => net.stop())
  const [victim, friend, mallory] = [await net.add('victim'), await net.add('friend'), await net.add('mallory')]
  const roomId = await victim.createRoom('12')
  await net.settle()
  const topic = victim.host.topics.at(-1) ?? assert.fail()
  for (const node of [friend, mallory]) await node.join(roomId, victim)
  await net.settle()
  return { net, victim, friend, mallory, roomId, topic }
}

/** A message of the author, right in everything, with a place to put something in. */
async function message(
  author: FuzzNode,
  victim: FuzzNode,
  roomId: RoomId,
  change?: (event: JsonObject) => JsonObject,
): Promise<JsonObject> {
  const content = { msgtype: 'm.text', body: 'hello', place: 'PLACE' }
  const draft = { sender: author.userId, type: 'm.room.message', content }
  const event = await signedEvent(author, victim, roomId, draft, change)
  return { ...event, server_keys: author.keys.keyRing.ownServerKeys() }
}

/** A transaction that holds the event as it is written, signed by who carries it wherever that can be. */
function transactionFrame(from: FuzzNode, to: FuzzNode, event: string): Uint8Array {
  const fields = (pdu: JsonObject | string) => ({
    ...{ method: 'PUT', uri: '/_matrix/federation/v1/send/t1', origin: from.serverName, destination: to.serverName },
    ...{ origin_server_ts: Date.UTC(2026, 10, 21), nonce: 'n'.repeat(22), content: { pdus: [pdu] } },
  })
  const sealed = (pdu: JsonObject | string) =>
    JSON.stringify({ ...from.keys.keyRing.sign(fields(pdu)), server_keys: from.keys.keyRing.ownServerKeys() })
  // What the language's own reader would change is put in as text: the frame is then refused as a whole.
  const isPlain = !/1e3|1e400|NaN|9223372036854775807|ud800|"place":"x"|\[{99}/.test(event)
  try {
    if (isPlain) return utf8.encode(sealed(JSON.parse(event) as JsonObject))
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
  }
  return utf8.encode(sealed('EVENT').replace('"EVENT"', event))
}
