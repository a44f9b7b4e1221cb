import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { suite, test } from 'node:test'
import { canonicalJson, type JsonObject } from '@starling/protocol'
import { eventually, type OwnerClient } from '@starling/testkit'
import { Follower } from './follower.ts'
import { assertRefused, inRoom, join, membershipIs, type Resident, registerResident, roomWith } from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

suite('between two nodes: device keys, device lists, to-device messages', () => {
  const nodes = twoNodes()

  test('device keys are given to the other node as they were signed, the device’s name where a room is shared', async () => {
    const { ada, bob, one } = nodes()
    const carol = await withKeys(await registerResident(one, 'carol'))
    const asked = async (client: OwnerClient) => (await queryKeys(client, carol.id))[carol.deviceId]
    for (const client of [ada, bob.client]) {
      const { unsigned: _, ...signed } = (await asked(client)) ?? {}
      assert.deepEqual(signed, carol.keys)
    }
    assert.equal((await asked(bob.client))?.unsigned?.device_display_name, undefined, 'a stranger is told the name')
    const roomId = await roomWith(carol.client, [bob])
    await eventually('the name, now that they share a room', async () => {
      return (await asked(bob.client))?.unsigned?.device_display_name === "carol's telephone"
    })
    await membershipIs(carol.client, roomId, bob.id, 'join')
    assert.deepEqual(await queryKeys(bob.client, `@nobody:${one.info.server_name}`), {})
    const away = await bob.client.ok('POST', 'keys/query', { device_keys: { '@x:nobody.invalid': [] } })
    assert.deepEqual(Object.keys(away.failures as object), ['nobody.invalid'])
  })

  test('one-time keys are claimed at the other node once each, then the fallback key, and by no stranger', async () => {
    const { ada, bob, one } = nodes()
    const carol = await withKeys(await registerResident(one, 'carola'), { oneTime: 2, fallback: true })
    const claim = async (client: OwnerClient) => {
      const body = { one_time_keys: { [carol.id]: { [carol.deviceId]: 'signed_curve25519' } } }
      const keys = (await client.ok('POST', 'keys/claim', body)).one_time_keys as ClaimedKeys
      return Object.keys(keys[carol.id]?.[carol.deviceId] ?? {})
    }
    assert.deepEqual(await claim(bob.client), [], 'they share no room')
    await roomWith(carol.client, [bob])
    const claimed = [...(await claim(bob.client)), ...(await claim(bob.client))].sort()
    assert.deepEqual(claimed, ['signed_curve25519:one0', 'signed_curve25519:one1'])
    for (const client of [bob.client, ada]) assert.deepEqual(await claim(client), ['signed_curve25519:fallback'])
    const counts = (await Follower.start(carol.client)).told.at(-1) as unknown as KeyCounts
    assert.equal(counts.device_one_time_keys_count.signed_curve25519 ?? 0, 0)
    assert.deepEqual(counts.device_unused_fallback_key_types, [])
  })

  test('device lists: told of at joining, at every change, and at the last leave from both nodes', async () => {
    const { one, other } = nodes()
    const [carol, dora] = [await registerResident(one, 'carolin'), await registerResident(other, 'dora')]
    const [near, far] = [await Follower.start(carol.client), await Follower.start(dora.client)]
    const first = await roomWith(carol.client, [dora])
    await near.until('Dora came', ({ device_lists }) => device_lists?.changed.includes(dora.id))
    await far.until('Carol is there', ({ device_lists }) => device_lists?.changed.includes(carol.id))

    const keyed = await withKeys(carol)
    await far.until('Carol’s new device', ({ device_lists }) => device_lists?.changed.includes(carol.id))
    await eventually('its keys', async () => {
      return (await queryKeys(dora.client, carol.id))[keyed.deviceId] !== undefined
    })
    await withKeys(dora)
    await near.until('Dora’s new device', ({ device_lists }) => device_lists?.changed.includes(dora.id))

    const second = await roomWith(carol.client, [dora])
    await far.until('a second room', ({ rooms }) => rooms?.join?.[second])
    await dora.client.ok('POST', inRoom(second, 'leave'), {})
    await membershipIs(carol.client, second, dora.id, 'leave')
    await far.until('that it was left', ({ rooms }) => rooms?.leave?.[second])
    const isLeft = (follower: Follower, userId: string) => {
      return follower.told.some(({ device_lists }) => device_lists?.left.includes(userId))
    }
    assert.ok(!isLeft(far, carol.id) && !isLeft(near, dora.id), 'a room is still shared')
    await dora.client.ok('POST', inRoom(first, 'leave'), {})
    await near.until('Dora is followed no longer', ({ device_lists }) => device_lists?.left.includes(dora.id))
    await far.until('Carol is followed no longer', ({ device_lists }) => device_lists?.left.includes(carol.id))
  })

  test('a device that logs out is gone from what the other node is told', async () => {
    const { bob, one } = nodes()
    const carol = await withKeys(await registerResident(one, 'carolyn'))
    await roomWith(carol.client, [bob])
    await eventually('the device is known', async () => carol.deviceId in (await queryKeys(bob.client, carol.id)))
    const follower = await Follower.start(bob.client)
    await carol.client.ok('POST', 'logout', {})
    await follower.until('a change', ({ device_lists }) => device_lists?.changed.includes(carol.id))
    await eventually('the device is gone', async () => !(carol.deviceId in (await queryKeys(bob.client, carol.id))))
  })

  test('to-device messages come once each and in order, to the device named or to all', async () => {
    const { ada, adaId, bob } = nodes()
    const deviceId = (await bob.client.ok('GET', 'account/whoami')).device_id as string
    const follower = await Follower.start(bob.client)
    const bodies: string[] = []
    for (let number = 0; number < 10; number++) {
      const txn = `ordered${number}`
      const to = number % 2 === 0 ? deviceId : '*'
      for (let times = 0; times < 2; times++) await sendToDevice(ada, txn, bob.id, to, `message ${number}`)
      bodies.push(`message ${number}`)
    }
    await sendToDevice(ada, 'elsewhere', bob.id, 'NOSUCHDEVICE', 'for nobody')
    const came: unknown[] = []
    for (const last of ['the last', 'one more']) {
      await sendToDevice(ada, encodeURIComponent(last), bob.id, deviceId, last)
      await follower.until(last, ({ to_device }) => {
        for (const { type, sender, content } of to_device?.events ?? []) {
          assert.deepEqual([type, sender], ['org.example.note', adaId])
          came.push(content.body)
        }
        return came.at(-1) === last
      })
    }
    assert.deepEqual(came, [...bodies, 'the last', 'one more'])
    const again = (await follower.anew()).to_device?.events ?? []
    assert.deepEqual(
      again.map(({ content }) => content.body),
      ['one more'],
      'only what the client has not confirmed by its next sync is there',
    )
  })

  test('to-device messages need a well-formed body, and go from user to user also without a room in common', async () => {
    const { ada, adaId, other } = nodes()
    const dora = await registerResident(other, 'doraline')
    const follower = await Follower.start(dora.client)
    const wrong = await ada.call('PUT', 'sendToDevice/org.example.note/wrong', { messages: { [dora.id]: 'no' } })
    assertRefused(wrong, 400, 'M_BAD_JSON')
    await sendToDevice(ada, 'stranger', dora.id, '*', 'verify me')
    const message = await follower.until('the message', ({ to_device }) => to_device?.events[0])
    assert.deepEqual([message.sender, message.content.body], [adaId, 'verify me'])
  })

  test('who is joined by an alias of the other node is sent its device lists as well', async () => {
    const { one, other } = nodes()
    const [carol, dora] = [await registerResident(one, 'caroline'), await registerResident(other, 'dorothy')]
    const keyed = await withKeys(carol)
    const room = await carol.client.ok('POST', 'createRoom', { preset: 'public_chat', room_alias_name: 'lists' })
    const far = await Follower.start(dora.client)
    await join(dora.client, `#lists:${one.info.server_name}`)
    await membershipIs(carol.client, room.room_id as string, dora.id, 'join')
    await far.until('Carol is there', ({ device_lists }) => device_lists?.changed.includes(carol.id))
    assert.ok(keyed.deviceId in (await queryKeys(dora.client, carol.id)))
  })
})

type ClaimedKeys = Readonly<Record<string, Record<string, object>>>
type QueriedKeys = Readonly<
  Record<string, JsonObject & { readonly unsigned?: { readonly device_display_name?: string } }>
>

interface KeyCounts {
  readonly device_one_time_keys_count: { readonly signed_curve25519?: number }
  readonly device_unused_fallback_key_types: readonly string[]
}

interface KeyedResident extends Resident {
  readonly deviceId: string
  readonly keys: JsonObject
}

async function queryKeys(client: OwnerClient, userId: string): Promise<QueriedKeys> {
  const answer = await client.ok('POST', 'keys/query', { device_keys: { [userId]: [] } })
  assert.deepEqual(answer.failures ?? {}, {})
  return (answer.device_keys as Record<string, QueriedKeys>)[userId] ?? {}
}

/** Gives the resident's device a name and keys, and these many keys to be claimed. */
async function withKeys(
  resident: Resident,
  { oneTime = 0, fallback = false }: { readonly oneTime?: number; readonly fallback?: boolean } = {},
): Promise<KeyedResident> {
  const deviceId = (await resident.client.ok('GET', 'account/whoami')).device_id as string
  const name = `${resident.id.slice(1, resident.id.indexOf(':'))}'s telephone`
  await resident.client.ok('PUT', `devices/${deviceId}`, { display_name: name })
  const pairOfKeys = generateKeyPairSync('ed25519')
  const signed = (object: JsonObject): JsonObject => ({
    ...object,
    signatures: { [resident.id]: { [`ed25519:${deviceId}`]: signature(object, pairOfKeys.privateKey) } },
  })
  const keys = signed({
    user_id: resident.id,
    device_id: deviceId,
    algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
    keys: {
      [`ed25519:${deviceId}`]: rawPublicKey(pairOfKeys.publicKey),
      [`curve25519:${deviceId}`]: rawPublicKey(generateKeyPairSync('x25519').publicKey),
    },
  })
  const key = (more: JsonObject = {}) => signed({ key: rawPublicKey(generateKeyPairSync('x25519').publicKey), ...more })
  await resident.client.ok('POST', 'keys/upload', {
    device_keys: keys,
    one_time_keys: Object.fromEntries(
      Array.from({ length: oneTime }, (_, at) => [`signed_curve25519:one${at}`, key()]),
    ),
    fallback_keys: fallback ? { 'signed_curve25519:fallback': key({ fallback: true }) } : {},
  })
  return { ...resident, deviceId, keys }
}

function signature(object: JsonObject, privateKey: KeyObject): string {
  return unpadded(sign(null, Buffer.from(canonicalJson(object)), privateKey))
}

/** The last 32 bytes of the SPKI form. */
function rawPublicKey(key: KeyObject): string {
  return unpadded(key.export({ type: 'spki', format: 'der' }).subarray(-32))
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}

async function sendToDevice(client: OwnerClient, txn: string, userId: string, deviceId: string, body: string) {
  const messages = { [userId]: { [deviceId]: { body } } }
  await client.ok('PUT', `sendToDevice/org.example.note/${txn}`, { messages })
}
