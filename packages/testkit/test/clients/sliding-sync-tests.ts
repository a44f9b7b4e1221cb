import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SdkInProcess } from '@starling/testkit'
import { EventType, type MatrixClient, ReceiptType } from 'matrix-js-sdk'
import { type MSC3575List, SlidingSync } from 'matrix-js-sdk/lib/sliding-sync.js'
import { ENCRYPTED_DIRECT_CHAT } from '../scenarios/conversation.ts'
import type { SdkWorld } from './sdk-world.ts'

/** Everything of the state, as the SDK’s own client wants it. */
const ALL_STATE = [['*', '*']]

/** How long a request waits for news. Milliseconds. */
const POLL_MS = 10_000

/** The SDK's own `SlidingSync`, which speaks simplified sliding sync (MSC4186), in the place of `/sync`. */
export function slidingSyncTests(world: SdkWorld): void {
  test('a client on sliding sync has the newest rooms first, and gets more as its window grows', async () => {
    const ada = await world.newcomer()
    const names = ['oldest', 'older', 'newer', 'newest']
    for (const name of names) await ada.client.createRoom({ name })
    const { sdk, sliding } = await onSlidingSync(world, ada, { ranges: [[0, 1]], timeline_limit: 1 })
    const known = () => sdk.client.getRooms().map(({ name }) => name)
    await sdk.until('the window is filled', () => known().length === 2)
    assert.deepEqual(known().sort(), ['newer', 'newest'])
    assert.equal(sliding.getListData('all')?.joinedCount, 4)
    sliding.setListRanges('all', [[0, 3]])
    await sdk.until('all rooms are there', () => known().length === 4)
    assert.deepEqual(known().sort(), names.sort())
  })

  test('live: an invite, encrypted messages both ways, typing, receipts and account data', async () => {
    const ada = await world.newcomer()
    const bob = await world.newcomer()
    const { sdk } = await onSlidingSync(world, ada, { ranges: [[0, 9]], timeline_limit: 10 })
    const { room_id: roomId } = await bob.client.createRoom({
      ...ENCRYPTED_DIRECT_CHAT,
      invite: [ada.userId],
    } as object)
    await sdk.accept(roomId)
    await sdk.untilMembership(roomId, ada.userId, 'join')
    await bob.untilMembership(roomId, ada.userId, 'join')
    await sdk.until('the room is known as encrypted', () => sdk.crypto.isEncryptionEnabledInRoom(roomId))

    const heard = await sdk.untilEvent(roomId, await bob.sendText(roomId, 'to the sliding one'))
    assert.deepEqual([heard.getContent().body, heard.isEncrypted()], ['to the sliding one', true])
    const answered = await bob.untilEvent(roomId, await sdk.sendText(roomId, 'and back'))
    assert.deepEqual([answered.getContent().body, answered.isEncrypted()], ['and back', true])

    await bob.client.sendTyping(roomId, true, 30_000)
    await sdk.until('bob types', () => sdk.room(roomId).getMember(bob.userId)?.typing)
    await bob.client.sendReceipt(answered, ReceiptType.Read)
    await sdk.until('bob has read', () => sdk.room(roomId).hasUserReadEvent(bob.userId, answered.getId() ?? ''))
    await ada.client.setAccountData(EventType.Direct, { [bob.userId]: [roomId] })
    await sdk.until('it knows the room for a direct chat', () => {
      return sdk.client.getAccountData(EventType.Direct)?.getContent()[bob.userId]?.includes(roomId)
    })
    await ada.client.setRoomTag(roomId, 'm.favourite', { order: 0.5 })
    await sdk.until('the room is a favourite', () => 'm.favourite' in sdk.room(roomId).tags)
  })

  test('a room beyond every window is there as soon as it is subscribed to', async () => {
    const ada = await world.newcomer()
    const { room_id: oldId } = await ada.client.createRoom({ name: 'far down' })
    await ada.client.createRoom({ name: 'on top' })
    const { sdk, sliding } = await onSlidingSync(world, ada, { ranges: [[0, 0]], timeline_limit: 1 })
    await sdk.until('the top room is there', () => sdk.client.getRooms().length === 1)
    assert.equal(sdk.client.getRoom(oldId), null)
    sliding.modifyRoomSubscriptions(new Set([oldId]))
    await sdk.until('the other room is there', () => sdk.client.getRoom(oldId)?.name === 'far down')
    const eventId = await ada.sendText(oldId, 'hello down there')
    await sdk.untilEvent(oldId, eventId)
  })
}

/** One more device of `of`, which syncs by a list of all rooms. */
async function onSlidingSync(
  world: SdkWorld,
  of: SdkInProcess,
  list: MSC3575List,
): Promise<{ readonly sdk: SdkInProcess; readonly sliding: SlidingSync }> {
  let made: SlidingSync | undefined
  const slidingSync = (client: MatrixClient): SlidingSync => {
    const subscription = { required_state: ALL_STATE, timeline_limit: 10 }
    const lists = new Map([['all', { required_state: ALL_STATE, ...list }]])
    made = new SlidingSync(client.getHomeserverUrl(), lists, subscription, client, POLL_MS)
    return made
  }
  const sdk = await world.newDevice(of, { slidingSync })
  assert(made, 'the client made its sliding sync')
  return { sdk, sliding: made }
}
