import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SdkInProcess } from '@starling/testkit'
import { Method } from 'matrix-js-sdk'
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { ENCRYPTED_DIRECT_CHAT } from '../scenarios/conversation.ts'
import { RecoveryKey } from './recovery-key.ts'
import type { SdkWorld } from './sdk-world.ts'

/** The answer to `GET /room_keys/version`, as far as it is looked at. */
interface BackupVersion {
  readonly version: string
  readonly count: number
  readonly etag: string
}

/** What a fresh device can know of the past: by the key backup, and by a dehydrated device. */
export function keyBackupTests(world: SdkWorld): void {
  test('a fresh device with the recovery key reads from the backup what was said before it', async () => {
    const paper = new RecoveryKey()
    const phone = await world.newcomer(paper.options)
    const bob = await world.newcomer()
    const roomId = await world.room(phone, [bob], ENCRYPTED_DIRECT_CHAT)
    const said = [await phone.sendText(roomId, 'from ada'), await bob.sendText(roomId, 'from bob')]
    for (const eventId of said) await phone.untilEvent(roomId, eventId)

    assert.equal(await phone.crypto.getKeyBackupInfo(), null)
    await backedUp(phone, () => paper.setUp(phone, { backup: true }))
    const first = await backupOf(phone)
    await phone.crypto.forceDiscardSession(roomId)
    await backedUp(phone, async () => said.push(await phone.sendText(roomId, 'with a new session')))
    const second = await backupOf(phone)
    assert.equal(second.version, first.version)
    assert.deepEqual([first.count, second.count], [2, 3])
    assert.notEqual(second.etag, first.etag)

    const fresh = await world.newDevice(phone, paper.options)
    for (const eventId of said) await untilUnreadable(fresh, roomId, eventId)
    await paper.whileConfused(() => assert.rejects(fresh.crypto.loadSessionBackupPrivateKeyFromSecretStorage()))
    await importCrossSigning(fresh)
    await fresh.crypto.loadSessionBackupPrivateKeyFromSecretStorage()
    assert.equal((await fresh.crypto.checkKeyBackupAndEnable())?.backupInfo.version, first.version)
    const { total, imported } = await fresh.crypto.restoreKeyBackup()
    assert.deepEqual([total, imported], [3, 3])
    const read = await Promise.all(said.map((eventId) => fresh.untilEvent(roomId, eventId)))
    assert.deepEqual(
      read.map((event) => event.getContent().body),
      ['from ada', 'from bob', 'with a new session'],
    )
    await phone.until('the old device trusts the fresh one', async () => {
      return (await phone.crypto.getDeviceVerificationStatus(fresh.userId, fresh.deviceId))?.crossSigningVerified
    })
    assert.deepEqual(await backupOf(fresh), second, 'reading changes nothing')
  })

  test('a deleted backup is gone; the next one has a version of its own', async () => {
    const paper = new RecoveryKey()
    const phone = await world.newcomer(paper.options)
    await paper.setUp(phone, { backup: true })
    const first = await backupOf(phone)
    await phone.crypto.deleteKeyBackupVersion(first.version)
    assert.equal(await phone.crypto.getKeyBackupInfo(), null)
    await phone.crypto.resetKeyBackup()
    const next = await backupOf(phone)
    assert.notEqual(next.version, first.version)
    assert.equal(next.count, 0)
    assert.equal(await phone.crypto.getActiveSessionBackupVersion(), next.version)
  })

  test('a dehydrated device keeps the keys of what is said while its owner has no other', async () => {
    const paper = new RecoveryKey()
    const phone = await world.newcomer(paper.options)
    const bob = await world.newcomer()
    const roomId = await world.room(phone, [bob], ENCRYPTED_DIRECT_CHAT)
    await paper.setUp(phone, { backup: false })
    assert.equal(await phone.crypto.isDehydrationSupported(), true)
    await phone.crypto.startDehydration()
    await phone.client.logout(true)
    await bob.until('only the dehydrated device is left', async () => {
      const devices = (await bob.crypto.getUserDeviceInfo([phone.userId], true)).get(phone.userId)
      return devices?.size === 1 && [...devices.values()].every(({ dehydrated }) => dehydrated)
    })
    const eventId = await bob.sendText(roomId, 'while you were out')

    const fresh = await world.newDevice(phone, paper.options)
    await untilUnreadable(fresh, roomId, eventId)
    await importCrossSigning(fresh)
    await fresh.crypto.startDehydration()
    assert.equal((await fresh.untilEvent(roomId, eventId)).getContent().body, 'while you were out')
  })
}

/** What the node says of the current backup. */
function backupOf({ client }: SdkInProcess): Promise<BackupVersion> {
  return client.http.authedRequest<BackupVersion>(Method.Get, '/room_keys/version')
}

/** Acts, and waits until the client has uploaded all the sessions that it has. */
async function backedUp({ client }: SdkInProcess, act: () => Promise<unknown>): Promise<void> {
  const done = new Promise<void>((resolve) => {
    client.on(CryptoEvent.KeyBackupSessionsRemaining, (remaining) => remaining === 0 && resolve())
  })
  await act()
  await done
}

/** By the keys in secret storage, once the device knows which identity they have to fit. */
async function importCrossSigning({ crypto, userId }: SdkInProcess): Promise<void> {
  assert.equal(await crypto.userHasCrossSigningKeys(userId, true), true)
  await crypto.bootstrapCrossSigning({})
}

/** Until the event is there and known to be unreadable: the twin of reading it later. */
function untilUnreadable(sdk: SdkInProcess, roomId: string, eventId: string): Promise<unknown> {
  return sdk.until(`${eventId} is there, unreadable`, () => {
    return sdk.client.getRoom(roomId)?.findEventById(eventId)?.isDecryptionFailure()
  })
}
