import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerName } from '@starling/protocol'
import { twoServers } from '../../../test/two-servers.ts'
import { forServer } from './history-for-server.ts'

const NOBODY_ERASED = { hasErased: async () => false }

test('what a server may see is decided from some slots of the state, without the whole', async () => {
  const { a, b, alice, roomId } = await twoServers('12')
  await a.setState(roomId, alice, 'm.room.history_visibility', '', { history_visibility: 'joined' })
  const event = await a.pdu(await a.message(roomId, alice, 'for those who were there'))
  const { engine } = a
  // No `currentState`, no `stateBefore`: whoever needs one of them fails here.
  const slots = {
    stateBeforeSlots: (...of: Parameters<typeof engine.stateBeforeSlots>) => engine.stateBeforeSlots(...of),
    isServerMemberAt: (...of: Parameters<typeof engine.isServerMemberAt>) => engine.isServerMemberAt(...of),
    events: (...of: Parameters<typeof engine.events>) => engine.events(...of),
    roomVersion: (...of: Parameters<typeof engine.roomVersion>) => engine.roomVersion(...of),
  }
  assert.equal((await forServer(slots, roomId, event, b.keys.serverName, NOBODY_ERASED)).content, event.json.content)
  const stranger = await forServer(slots, roomId, event, 'stranger.test' as ServerName, NOBODY_ERASED)
  assert.deepEqual(stranger.content, {}, 'twin: who was not there sees none of it')
})

test('who had their content erased is redacted for servers that came after the event, not for those that were there', async () => {
  const { a, b, alice, roomId } = await twoServers('12')
  const event = await a.pdu(await a.message(roomId, alice, 'for a while'))
  const given = async (server: ServerName, hasErased: boolean) =>
    (await forServer(a.engine, roomId, event, server, { hasErased: async () => hasErased })).content
  assert.deepEqual(await given(b.keys.serverName, true), event.json.content)
  assert.deepEqual(await given('later.test' as ServerName, true), {})
  assert.deepEqual(await given('later.test' as ServerName, false), event.json.content, 'twin: history is shared')
})
