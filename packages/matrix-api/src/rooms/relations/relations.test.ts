import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestUser } from '../../testing/test-api.ts'
import { roomPath, roomPathV1 } from '../testing/paths.ts'
import { startRoomServer } from '../testing/room-server.ts'

type Event = { event_id: string; content: { body?: string }; unsigned: { 'm.relations'?: JsonObject } }

async function room() {
  const server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  await server.join(bob, roomId)
  let transactions = 0
  const relate = async (as: TestUser, relType: string, target: string, body: string, more: JsonObject = {}) => {
    const path = roomPath(roomId, 'send', 'm.room.message', `r${transactions++}`)
    const content = { msgtype: 'm.text', body, ...more, 'm.relates_to': { rel_type: relType, event_id: target } }
    return (await server.request('PUT', path, { as, body: content })).body.event_id as string
  }
  const edit = (as: TestUser, target: string, body: string) =>
    relate(as, 'm.replace', target, `* ${body}`, { 'm.new_content': { msgtype: 'm.text', body } })
  const get = (as: TestUser, path: string, query: Record<string, string> = {}) =>
    server.request('GET', path, { as, query })
  const bundleOf = async (as: TestUser, eventId: string) =>
    (await get(as, roomPath(roomId, 'event', eventId))).body.unsigned['m.relations']
  return { server, alice, bob, roomId, relate, edit, get, bundleOf }
}

test('edits: the newest valid one is bundled', async () => {
  const { server, alice, bob, roomId, edit, relate, bundleOf } = await room()
  await using _ = server
  const original = await server.say(alice, roomId, 'one')
  assert.equal(await bundleOf(bob, original), undefined)
  await edit(alice, original, 'two')
  server.clock.advance(1_000)
  const newest = await edit(alice, original, 'three')
  server.clock.advance(1_000)
  await edit(bob, original, 'forged')
  await relate(alice, 'm.replace', original, 'without new content')
  const bundle = await bundleOf(bob, original)
  assert.equal(bundle['m.replace'].event_id, newest)
  assert.equal(bundle['m.replace'].content['m.new_content'].body, 'three')
  await server.request('PUT', roomPath(roomId, 'redact', newest, 'x'), { as: alice, body: {} })
  assert.equal((await bundleOf(bob, original))['m.replace'].content.body, '* two')
  await server.request('PUT', roomPath(roomId, 'redact', original, 'y'), { as: alice, body: {} })
  assert.equal((await bundleOf(bob, original))?.['m.replace'], undefined)
})

test('threads: summary with count, participation and the latest event, itself with its edit and references', async () => {
  const { server, alice, bob, roomId, relate, edit, bundleOf } = await room()
  await using _ = server
  const root = await server.say(alice, roomId, 'root')
  await relate(alice, 'm.thread', root, 'a')
  const latest = await relate(alice, 'm.thread', root, 'b')
  await edit(alice, latest, 'b2')
  const reference = await relate(alice, 'm.reference', latest, 'r')
  const thread = (await bundleOf(bob, root))['m.thread']
  assert.deepEqual([thread.count, thread.current_user_participated], [2, false])
  assert.equal(thread.latest_event.event_id, latest)
  assert.equal(thread.latest_event.unsigned['m.relations']['m.replace'].content.body, '* b2')
  const references = thread.latest_event.unsigned['m.relations']['m.reference']
  assert.deepEqual(references, { chunk: [{ event_id: reference }] })
  assert.equal((await bundleOf(alice, root))['m.thread'].current_user_participated, true)
  await relate(bob, 'm.thread', root, 'c')
  assert.equal((await bundleOf(bob, root))['m.thread'].current_user_participated, true)
  // Somebody ignored does not count, nor are they the latest.
  await server.accountData.put(alice.userId, undefined, 'm.ignored_user_list', { ignored_users: { [bob.userId]: {} } })
  const without = (await bundleOf(alice, root))['m.thread']
  assert.deepEqual([without.count, without.latest_event.event_id], [2, latest])
})

test('references are listed, annotations are not', async () => {
  const { server, alice, roomId, relate, bundleOf } = await room()
  await using _ = server
  const target = await server.say(alice, roomId, 'target')
  const reference = await relate(alice, 'm.reference', target, 'r')
  await relate(alice, 'm.annotation', target, 'a')
  assert.deepEqual(await bundleOf(alice, target), { 'm.reference': { chunk: [{ event_id: reference }] } })
})

test('relations: by type, both directions, in pages, and recursively', async () => {
  const { server, alice, roomId, relate, get } = await room()
  await using _ = server
  const root = await server.say(alice, roomId, 'root')
  const thread: string[] = []
  for (let i = 0; i < 5; i++) thread.push(await relate(alice, 'm.thread', root, `t${i}`))
  const reference = await relate(alice, 'm.reference', root, 'ref')
  const nested = await relate(alice, 'm.reference', thread[0] as string, 'nested')
  const ids = async (path: string, query: Record<string, string> = {}) => {
    const answer = await get(alice, path, query)
    expectMatchesSpec('getRelatingEvents', answer)
    return answer.body.chunk.map((event: Event) => event.event_id)
  }
  const all = roomPathV1(roomId, 'relations', root)
  assert.deepEqual(await ids(all), [reference, ...thread.toReversed()])
  assert.deepEqual(await ids(`${all}/m.thread`), thread.toReversed())
  assert.deepEqual(await ids(`${all}/m.thread/m.room.message`), thread.toReversed())
  assert.deepEqual(await ids(`${all}/m.thread/m.sticker`), [])
  assert.deepEqual(await ids(all, { dir: 'f' }), [...thread, reference])
  assert.deepEqual(await ids(all, { recurse: 'true' }), [nested, reference, ...thread.toReversed()])
  for (const dir of ['b', 'f']) {
    const seen: string[] = []
    let from: string | undefined
    do {
      const answer = await get(alice, all, { dir, limit: '2', ...(from === undefined ? {} : { from }) })
      seen.push(...answer.body.chunk.map((event: Event) => event.event_id))
      from = answer.body.next_batch
    } while (from !== undefined)
    assert.deepEqual(seen, await ids(all, { dir }))
  }
  const unknown = await get(alice, roomPathV1(roomId, 'relations', '$nowhere:here.test'))
  expectMatchesSpec('getRelatingEvents', unknown)
  assert.equal(unknown.status, 404)
})

test('threads: roots by their latest answer, each once, in pages', async () => {
  const { server, alice, bob, roomId, relate, get } = await room()
  await using _ = server
  const roots = [
    await server.say(alice, roomId, 'a'),
    await server.say(bob, roomId, 'b'),
    await server.say(bob, roomId, 'c'),
  ]
  const [a, b, c] = roots as [string, string, string]
  for (const root of [a, b, c, a, b]) await relate(alice, 'm.thread', root, 'answer')
  await relate(bob, 'm.thread', b, 'answer')
  const list = async (as: TestUser, query: Record<string, string> = {}) => {
    const seen: string[] = []
    let from: string | undefined
    do {
      const answer = await get(as, roomPathV1(roomId, 'threads'), { ...query, ...(from === undefined ? {} : { from }) })
      expectMatchesSpec('getThreadRoots', answer)
      seen.push(...answer.body.chunk.map((event: Event) => event.event_id))
      from = answer.body.next_batch
    } while (from !== undefined)
    return seen
  }
  assert.deepEqual(await list(alice), [b, a, c])
  assert.deepEqual(await list(alice, { limit: '1' }), [b, a, c])
  assert.deepEqual(await list(bob, { include: 'participated' }), [b, c])
  const [first] = (await get(alice, roomPathV1(roomId, 'threads'))).body.chunk
  assert.equal(first.unsigned['m.relations']['m.thread'].count, 3)
})
