import assert from 'node:assert/strict'
import { eventually, type SdkClient } from '@starling/testkit'
import { ENCRYPTED_DIRECT_CHAT, meetInRoom, talk } from './conversation.ts'
import { type Person, secondDevice } from './person.ts'

/** An encrypted direct chat in which both have decrypted what the other said, and know it for a direct one. @returns the room. */
export async function meetInSecret(host: Person, guest: Person): Promise<string> {
  const roomId = await meetInRoom(host, guest, ENCRYPTED_DIRECT_CHAT)
  await talk(roomId, host, guest, 'secret')
  const { encrypted, wireType } = await guest.client.waitForText(roomId, 'secret: hello')
  assert.deepEqual([encrypted, wireType], [true, 'm.room.encrypted'])
  const { isDirectWith } = await guest.client.room(roomId)
  assert.equal(isDirectWith, host.client.userId, 'a joined invite to a direct chat is still known as one')
  return roomId
}

/**
 * The owner logs in on a second device. The friend's node hears of it, and what is said from then on is read on both
 * devices, and from the new one by the friend. @returns the new device, to be stopped by the caller.
 */
export async function addSecondDevice(roomId: string, owner: Person, friend: Person): Promise<SdkClient> {
  const tablet = await secondDevice(owner)
  await eventually('the other node knows both devices', async () => {
    const devices = await friend.client.devicesOf(owner.client.userId)
    return devices.includes(tablet.deviceId) && devices.includes(owner.client.deviceId)
  })
  await friend.client.sendText(roomId, 'for both of your devices')
  for (const device of [tablet, owner.client]) await device.waitForText(roomId, 'for both of your devices')
  await tablet.sendText(roomId, 'from the tablet')
  assert.equal((await friend.client.waitForText(roomId, 'from the tablet')).encrypted, true)
  return tablet
}
