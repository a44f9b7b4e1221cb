import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { SdkInProcess } from '@starling/testkit'
import {
  CryptoEvent,
  type DeviceVerificationStatus,
  type VerificationRequest,
} from 'matrix-js-sdk/lib/crypto-api/index.js'
import { ENCRYPTED_DIRECT_CHAT } from '../scenarios/conversation.ts'
import { compareEmoji, seeOtherEmoji } from './compare-emoji.ts'
import { PASSWORD, type SdkWorld } from './sdk-world.ts'

/** Devices and people verify each other, and cross-signing is what they trust by. */
export function verificationTests(world: SdkWorld): void {
  let phone: SdkInProcess
  let tablet: SdkInProcess
  let bob: SdkInProcess

  before(async () => {
    phone = await world.newcomer()
    bob = await world.stranger()
  })

  test('cross-signing is set up without proof the first time, and replaced only with the password', async () => {
    for (const { crypto } of [phone, bob]) {
      await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: async (upload) => void (await upload(null)) })
      assert.equal(await crypto.isCrossSigningReady(), true)
    }
    const first = await phone.crypto.getCrossSigningKeyId()
    const identifier = { type: 'm.id.user', user: phone.userId }
    const replace = (password: string) =>
      phone.crypto.bootstrapCrossSigning({
        setupNewCrossSigning: true,
        authUploadDeviceSigningKeys: async (upload) => {
          const asked = await upload(null).then(
            () => assert.fail('replaced without proof'),
            (error: { httpStatus: number; data: { session: string } }) => error,
          )
          assert.equal(asked.httpStatus, 401)
          await upload({ type: 'm.login.password', identifier, password, session: asked.data.session })
        },
      })
    await assert.rejects(replace('a wrong one'), { httpStatus: 401 })
    await replace(PASSWORD)
    assert.notEqual(await phone.crypto.getCrossSigningKeyId(), first)
  })

  test('two devices of one user verify each other by emoji; the new one gets the cross-signing keys', async () => {
    tablet = await newDevice()
    const seen = nextRequest(phone)
    const request = await tablet.crypto.requestOwnUserVerification()
    await compareEmoji({ sdk: tablet, request }, { sdk: phone, request: await seen })
    await trustEachOther(tablet)
  })

  test('the old device may ask as well, and the new one start', async () => {
    const laptop = await newDevice()
    const seen = nextRequest(laptop)
    const request = await phone.crypto.requestDeviceVerification(phone.userId, laptop.deviceId)
    await compareEmoji({ sdk: laptop, request: await seen }, { sdk: phone, request })
    await trustEachOther(laptop)
  })

  test('twin: devices whose emoji are said to differ stay unverified', async () => {
    const impostor = await newDevice()
    const seen = nextRequest(phone)
    const request = await impostor.crypto.requestOwnUserVerification()
    await seeOtherEmoji({ sdk: phone, request: await seen }, { sdk: impostor, request })
    for (const sdk of [phone, impostor]) assert.equal((await statusOf(sdk, impostor))?.crossSigningVerified, false)
    assert.equal(await impostor.crypto.isCrossSigningReady(), false)
  })

  test('users of two nodes verify each other by emoji in their direct chat', async () => {
    const roomId = await world.room(phone, [bob], ENCRYPTED_DIRECT_CHAT)
    await phone.until('bob’s identity is known', () => phone.crypto.userHasCrossSigningKeys(bob.userId, true))
    assert.equal((await phone.crypto.getUserVerificationStatus(bob.userId)).isCrossSigningVerified(), false)
    const seen = nextRequest(bob)
    const request = await phone.crypto.requestVerificationDM(bob.userId, roomId)
    await compareEmoji({ sdk: phone, request }, { sdk: bob, request: await seen })
    for (const [sdk, other] of [
      [phone, bob],
      [bob, phone],
    ] as const) {
      await sdk.until(`${other.userId} is verified`, async () => {
        return (await sdk.crypto.getUserVerificationStatus(other.userId)).isCrossSigningVerified()
      })
    }
    await tablet.until('the other device trusts bob too', async () => {
      return (await tablet.crypto.getUserVerificationStatus(bob.userId)).isCrossSigningVerified()
    })
  })

  /** One more device of the phone's owner; both know of it, and neither trusts it yet. */
  async function newDevice(): Promise<SdkInProcess> {
    const device = await world.newDevice(phone)
    for (const sdk of [phone, device]) {
      const status = await sdk.until('it has the device list', () => statusOf(sdk, device))
      assert.equal(status.crossSigningVerified, false)
    }
    return device
  }

  async function trustEachOther(device: SdkInProcess): Promise<void> {
    for (const [sdk, other] of [
      [phone, device],
      [device, phone],
    ] as const) {
      await sdk.until(`${other.deviceId} is verified`, async () => (await statusOf(sdk, other))?.crossSigningVerified)
    }
    await device.until('it has the private keys', () => device.crypto.isCrossSigningReady())
  }
}

/** What one device thinks of another; undefined while it has not heard of it. */
async function statusOf(sdk: SdkInProcess, other: SdkInProcess): Promise<DeviceVerificationStatus | undefined> {
  return (await sdk.crypto.getDeviceVerificationStatus(other.userId, other.deviceId)) ?? undefined
}

function nextRequest(sdk: SdkInProcess): Promise<VerificationRequest> {
  return new Promise((resolve) => sdk.client.once(CryptoEvent.VerificationRequestReceived, resolve))
}
