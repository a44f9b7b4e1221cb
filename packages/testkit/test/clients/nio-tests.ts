import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { NioClient, registerOn, type SdkInProcess } from '@starling/testkit'
import { ReceiptType } from 'matrix-js-sdk'
import { ENCRYPTED_DIRECT_CHAT } from '../scenarios/conversation.ts'
import { PASSWORD, type SdkWorld } from './sdk-world.ts'

/** A client of another family: matrix-nio, in Python, with libolm's encryption. Its friend on the other node uses matrix-js-sdk. */
export function nioTests(world: SdkWorld): void {
  let nio: NioClient
  let bob: SdkInProcess
  let roomId: string

  before(async () => {
    const home = world.nodes.one.info.client_api
    await registerOn(home, 'python', PASSWORD)
    nio = await NioClient.logIn(home, 'python', PASSWORD)
    bob = await world.stranger()
  })
  after(() => nio[Symbol.asyncDispose]())

  test('it logs in by password, syncs, and joins the room of somebody on another node', async () => {
    const created = await bob.client.createRoom({
      ...{ name: 'Two families', invite: [nio.userId] },
      ...ENCRYPTED_DIRECT_CHAT,
    } as object)
    roomId = created.room_id
    assert.deepEqual(await nio.accept(roomId), { inviter: bob.userId, name: 'Two families' })
    await bob.untilMembership(roomId, nio.userId, 'join')
    assert.deepEqual(await nio.room(roomId, 2), {
      name: 'Two families',
      encrypted: true,
      members: [bob.userId, nio.userId].sort(),
    })
  })

  test('it reads what is encrypted by the other family, and is read by it', async () => {
    await bob.until('bob knows the device to encrypt for', async () => {
      return (await bob.crypto.getUserDeviceInfo([nio.userId], true)).get(nio.userId)?.has(nio.deviceId)
    })
    await bob.sendText(roomId, 'from Rust to C')
    const heard = await nio.waitForText(roomId, 'from Rust to C')
    assert.deepEqual([heard.sender, heard.encrypted], [bob.userId, true])
    const answer = await bob.untilEvent(roomId, await nio.sendText(roomId, 'from C to Rust'))
    assert.equal(answer.getContent().body, 'from C to Rust')
    assert.deepEqual([answer.getSender(), answer.isEncrypted()], [nio.userId, true])
  })

  test('it sees typing and receipts, and is seen to have read', async () => {
    await bob.client.sendTyping(roomId, true, 30_000)
    assert.deepEqual(await nio.typists(roomId), [bob.userId])
    const eventId = await nio.sendText(roomId, 'have you read this?')
    await bob.client.sendReceipt(await bob.untilEvent(roomId, eventId), ReceiptType.Read)
    assert.equal(await nio.readBy(roomId, bob.userId), eventId)
    const question = await bob.sendText(roomId, 'and you?')
    await nio.waitForText(roomId, 'and you?')
    await nio.markRead(roomId, question)
    await bob.until('nio has read', () => bob.room(roomId).hasUserReadEvent(nio.userId, question))
  })

  test('what it uploads, it gets back by the old route, and its friend by the new one', async () => {
    const mxc = await nio.upload('some text')
    assert.deepEqual(await nio.download(mxc), { type: 'text/plain', text: 'some text' })
    const address = bob.client.mxcUrlToHttp(mxc, undefined, undefined, undefined, false, true, true) ?? ''
    const headers = { authorization: `Bearer ${bob.client.getAccessToken()}` }
    assert.equal(await (await fetch(address, { headers })).text(), 'some text')
  })

  test('it logs out, and its device is gone', async () => {
    await nio.logOut()
    await bob.until('the device is gone', async () => {
      const devices = (await bob.crypto.getUserDeviceInfo([nio.userId], true)).get(nio.userId)
      return !devices?.has(nio.deviceId)
    })
  })
}
