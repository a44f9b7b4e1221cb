import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { RoomId, ServerName } from '@starling/protocol'
import { canonicalBytes } from '@starling/protocol'
import { eventually } from '@starling/testkit'
import { meet, nodes } from '../../../test/net/meet.ts'
import { joinAll } from '../../../test/net/test-node.ts'
import { KEYS_PROTOCOL } from './keys-protocol.ts'

const ROOM = '!room:example.org' as RoomId
const utf8 = new TextEncoder()

test('after connecting, both know which server the other is, and forget it with the connection', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  const seen: string[] = []
  a.keys.bindings.watch({ met: (server) => seen.push(`met ${server}`), lost: (server) => seen.push(`lost ${server}`) })
  await meet(network, a, b)
  assert.deepEqual(a.keys.keyRing.peersOf(b.serverName), ['b'])
  await network.cut(a.host, b.host)
  assert.equal(a.keys.keyRing.serverOfPeer(b.host.peerId), undefined)
  assert.deepEqual(a.keys.keyRing.peersOf(b.serverName), [])
  assert.deepEqual(seen, [`met ${b.serverName}`, `lost ${b.serverName}`])
})

test('a server that shares a room is reconciled with when it is met, a stranger only told of pending leaves', async () => {
  const { network, all } = await nodes(['a', 'b', 'c'])
  const [a, b, c] = all
  joinAll(ROOM, [a, b])
  await meet(network, a, b)
  await meet(network, a, c)
  assert.deepEqual(a.reconciled, [b.serverName])
  assert.deepEqual(a.toldOfLeaves, [c.serverName])
})

test('a peer that shows another server’s keys stays a stranger', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  const liar = network.host('liar')
  await liar.dial(a.host.peerId)
  const stolen = canonicalBytes({ server_keys: b.keys.keyRing.ownServerKeys() })
  await liar.request(a.host.peerId, KEYS_PROTOCOL, stolen)
  assert.equal(a.keys.keyRing.serverOfPeer(liar.peerId), undefined)
  assert.deepEqual(a.keys.keyRing.peersOf(b.serverName), [])
  assert.equal(a.counted.get('keys_refused peer-not-listed'), 1)
})

test('what is no key message is refused, and the peer may go on', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  const stranger = network.host('stranger')
  await stranger.dial(a.host.peerId)
  for (const bytes of ['', '[]', '{"server_keys":', '{"a":1,"a":2}']) {
    await assert.rejects(stranger.request(a.host.peerId, KEYS_PROTOCOL, utf8.encode(bytes)))
  }
  await assert.rejects(stranger.request(a.host.peerId, KEYS_PROTOCOL, new Uint8Array(600_000)))
  const answer = await stranger.request(a.host.peerId, KEYS_PROTOCOL, utf8.encode('{}'))
  assert.deepEqual(JSON.parse(Buffer.from(answer).toString()), { server_keys: a.keys.keyRing.ownServerKeys() })
  await meet(network, a, b)
})

test('who asks for keys too often is not answered any more', async () => {
  const { network, all } = await nodes(['a'])
  const [a] = all
  const stranger = network.host('stranger')
  const ask = () => stranger.request(a.host.peerId, KEYS_PROTOCOL, utf8.encode('{}'))
  for (let i = 0; i < 20; i++) await ask()
  await assert.rejects(ask())
  a.clock.advance(10_000)
  await ask()
})

test('keys of third servers are given to those who share a room, to nobody else', async () => {
  const { network, all } = await nodes(['a', 'b', 'c', 'd'])
  const [a, b, c, d] = all
  joinAll(ROOM, [a, b, d])
  await meet(network, a, b)
  await meet(network, a, d)
  await meet(network, a, c)
  const want = canonicalBytes({ server_keys: c.keys.keyRing.ownServerKeys(), want: [b.serverName] })
  const answer = JSON.parse(Buffer.from(await c.host.request(a.host.peerId, KEYS_PROTOCOL, want)).toString())
  assert.equal(answer.keys, undefined)
  const found = await d.net.keysProtocol.fetch(a.host.peerId, [b.serverName, 'nobody' as ServerName])
  assert.deepEqual(found, [b.serverName])
})

test('a key that is rotated is shown to everybody who is connected', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  await meet(network, a, b)
  for (const node of [a, b]) node.clock.advance(6 * 86_400_000 + 1)
  await a.net.keysProtocol.refresh()
  await eventually('b has the new keys', async () => {
    const known = await b.keys.keyRing.serverKeysOf(a.serverName)
    return isDeepStrictEqual(known, a.keys.keyRing.ownServerKeys())
  })
  assert.equal(b.keys.keyRing.serverOfPeer(a.host.peerId), a.serverName)
})

test('a peer whose authorisation has run out is a stranger again', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  await meet(network, a, b)
  a.clock.advance(7 * 86_400_000)
  assert.equal(a.keys.keyRing.serverOfPeer(b.host.peerId), undefined)
  a.keys.bindings.expire(0)
  assert.deepEqual(a.keys.bindings.servers(), [])
})
