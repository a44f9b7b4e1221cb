import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { serverNameFromPublicKey } from '@starling/protocol'
import { eventually, MemoryNetwork } from '@starling/testkit'
import fc from 'fast-check'
import { TestNode } from '../../test/net/test-node.ts'
import { parseSearchTerm } from './discovery/search-term.ts'
import { readPresence, readReceipts, readToDevice, readTyping } from './edus/edu-contents.ts'
import { readBatch } from './gossip/edu-batch.ts'
import { IDENTITY_KEY_ID, parseServerKeys } from './identity/server-keys.ts'
import { KEYS_PROTOCOL } from './keys-protocol/keys-protocol.ts'
import { MEDIA_PROTOCOL } from './media/media-server.ts'
import { parseAnswer, parseRequest } from './requests/envelope.ts'
import { REQUEST_PROTOCOL } from './requests/request-server.ts'

const SERVER = serverNameFromPublicKey(new Uint8Array(32).fill(1))
const USER = `@u:${SERVER}`

/** Values that the readers look for, beside any JSON, under the keys that they look at. */
const KEYS = [
  ...[
    'server_name',
    'valid_until_ts',
    'verify_keys',
    'old_verify_keys',
    'peers',
    'signatures',
    'method',
    'uri',
    'origin',
  ],
  ...['destination', 'nonce', 'origin_server_ts', 'content', 'server_keys', 'status', 'room_id', 'edus', 'user_id'],
  ...['typing', 'push', 'presence', 'sender', 'type', 'message_id', 'messages', 'm.read', 'event_ids', 'data', 'ts'],
  ...['__proto__', 'constructor', IDENTITY_KEY_ID, '!r:s', USER],
]
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 0, -1, 2 ** 53 - 1, '', SERVER, USER, '!r:s', '/x', 'GET', 'a'.repeat(22)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 8 }),
  ),
})).value

test('readers of foreign data answer with a value or with nothing, whatever they are given', () => {
  fc.assert(
    fc.property(json, (value) => {
      parseServerKeys(value)
      const bytes = new TextEncoder().encode(JSON.stringify(value))
      parseRequest(bytes)
      parseAnswer(bytes)
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return
      const object = value as JsonObject
      readBatch(object)
      readTyping(object)
      readReceipts(object)
      readPresence(object, 1)
      readToDevice(object)
    }),
    { numRuns: 3000, seed: 4 },
  )
  fc.assert(
    fc.property(fc.string(), (typed) => void parseSearchTerm(typed)),
    { numRuns: 2000, seed: 4 },
  )
})

test('random bytes on every protocol: nothing is answered, nothing is logged as an error, the node goes on', async () => {
  const network = new MemoryNetwork()
  const node = await TestNode.start(network, 'node')
  const stranger = network.host('stranger')
  await stranger.dial(node.host.peerId)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), json, async (noise, value) => {
      const object = new TextEncoder().encode(JSON.stringify(value))
      for (const bytes of [noise, object]) {
        await assert.rejects(stranger.request(node.host.peerId, REQUEST_PROTOCOL, bytes))
        await stranger.request(node.host.peerId, KEYS_PROTOCOL, bytes).catch(() => undefined)
        await using stream = await stranger.openStream(node.host.peerId, MEDIA_PROTOCOL)
        await stream.write(bytes)
        await stream.closeWrite()
      }
    }),
    { numRuns: 100, seed: 4 },
  )
  await network.settled()
  assert.deepEqual(
    node.logger.lines.filter(({ level }) => level === 'error'),
    [],
  )
  const friend = await TestNode.start(network, 'friend')
  await friend.host.dial(node.host.peerId)
  await eventually(
    'the friend is known',
    () => node.keys.keyRing.serverOfPeer(friend.host.peerId) === friend.serverName,
  )
})
