import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MemoryStore } from '@starling/testkit'
import { twoServers } from '../../test/two-servers.ts'
import { Bucket } from './buckets.ts'
import { prefixRange } from './key-encoding.ts'
import { migrate } from './schema.ts'
import { tables } from './tables.ts'

test('a room of schema version 2 gets the counts and the dead leaves that it would have had from the start', async () => {
  const { a, b, alice, bob, roomId, version, joinId } = await twoServers()
  const carol = b.user('carol')
  await b.give(await b.setMembership(roomId, carol, carol, 'join'), a)
  const fork = await a.engine.forwardExtremities(roomId)
  await a.setMembership(roomId, alice, carol, 'ban')
  for (const [n, prevEvents] of [fork, fork, [joinId]].entries()) {
    const json = await b.craft(roomId, {
      sender: bob,
      type: 'm.room.message',
      content: { n },
      prevEvents,
    })
    await a.receive(json, version)
  }
  const onBob = await a.engine.forwardExtremities(roomId)
  const late = await b.craft(roomId, { sender: carol, type: 'm.room.message', prevEvents: onBob.slice(-1) })
  assert.equal((await a.receive(late, version)).kind, 'rejected', 'carol is not there yet')
  const refused = await b.craft(roomId, { sender: carol, type: 'm.room.message', prevEvents: onBob.slice(1, 2) })
  assert.equal((await a.receive(refused, version)).kind, 'soft-failed')

  const store = (a.store as MemoryStore).clone()
  const range = prefixRange(Bucket.furtherChildren, [])
  const counts = await Array.fromAsync(store.entries(range))
  assert.ok(counts.length > 1)
  await store.batch(counts.map(([key]) => ({ type: 'del', key })))
  const { number } = (await tables.room.get(store, roomId)) ?? assert.fail()
  const { dead, exposed, ...old } = (await tables.head.get(store, number)) ?? assert.fail()
  assert.equal(dead?.length, 1)
  assert.equal(exposed?.length, 1)
  await store.batch([tables.head.put([number], old)])
  const schema = await Array.fromAsync(store.entries(prefixRange(Bucket.meta, ['federation.schema'])))
  assert.equal(schema.length, 1)
  await store.batch(schema.map(([key]) => ({ type: 'put', key, value: Buffer.from('2') })))

  await migrate(store)
  assert.deepEqual(await Array.fromAsync(store.entries(range)), counts)
  assert.deepEqual(await tables.head.get(store, number), { ...old, dead, exposed })
})
