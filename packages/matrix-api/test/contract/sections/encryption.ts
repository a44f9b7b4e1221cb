import { TestCrossSigning, TestDevice } from '../../../src/e2ee/testing/test-keys.ts'
import type { ContractWorld } from '../contract-world.ts'
import { type Operation, operation, type Section, type Steps } from '../operation.ts'

const V3 = '/_matrix/client/v3'

export const SEND_TO_DEVICE: Section = {
  title: 'Send-to-device messaging',
  operations: [
    operation('sendToDevice', `PUT ${V3}/sendToDevice/{eventType}/{txnId}`, async ({ ok, fails, alice, bob }) => {
      const path = { eventType: 'm.room_key_request', txnId: 'once' }
      await ok({ as: bob, path, body: { messages: { [alice.userId]: { '*': { action: 'request_cancellation' } } } } })
      await fails(400, 'M_MISSING_PARAM', { as: bob, path, body: {} })
    }),
  ],
}

/** A new user with a device whose keys are uploaded. */
async function withKeys({ person, other }: Pick<Steps, 'person' | 'other'>) {
  const user = await person()
  const device = new TestDevice(user.userId, user.deviceId)
  await other('uploadKeys', {
    as: user,
    body: { device_keys: device.deviceKeys(), one_time_keys: device.oneTimeKeys(['AAAA']) },
  })
  return { user, device }
}

export const KEYS: Section = {
  title: 'End-to-end encryption: keys',
  operations: [
    operation('uploadKeys', `POST ${V3}/keys/upload`, async ({ ok, fails, person }) => {
      const user = await person()
      const device = new TestDevice(user.userId, user.deviceId)
      await ok({
        as: user,
        body: {
          device_keys: device.deviceKeys(),
          one_time_keys: device.oneTimeKeys(['AAAA']),
          fallback_keys: device.oneTimeKeys(['AAAB'], { fallback: true }),
        },
      })
      await fails(400, 'M_INVALID_PARAM', {
        as: user,
        body: { device_keys: device.deviceKeys({ device_id: 'OTHER' }) },
      })
    }),
    operation('queryKeys', `POST ${V3}/keys/query`, async ({ ok, fails, person, other, bob }) => {
      const { user } = await withKeys({ person, other })
      await ok({ as: bob, body: { device_keys: { [user.userId]: [] }, timeout: 1_000 } })
      await fails(400, 'M_BAD_JSON', { as: bob, body: { device_keys: { [user.userId]: 'all' } } })
    }),
    operation('claimKeys', `POST ${V3}/keys/claim`, async ({ ok, fails, person, other, bob }) => {
      const { user } = await withKeys({ person, other })
      await ok({ as: bob, body: { one_time_keys: { [user.userId]: { [user.deviceId]: 'signed_curve25519' } } } })
      await fails(400, 'M_BAD_JSON', { as: bob, body: { one_time_keys: { [user.userId]: 'any' } } })
    }),
    operation('getKeysChanges', `GET ${V3}/keys/changes`, async ({ ok, fails, other, bob }) => {
      const { next_batch } = await other('sync', { as: bob, query: { timeout: '0' } })
      await ok({ as: bob, query: { from: next_batch, to: next_batch } })
      await fails(400, 'M_MISSING_PARAM', { as: bob })
    }),
    operation('uploadCrossSigningKeys', `POST ${V3}/keys/device_signing/upload`, async ({ ok, fails, member }) => {
      const user = await member()
      await ok({ as: user, body: new TestCrossSigning(user.userId).upload() })
      await fails(401, undefined, { as: user, body: new TestCrossSigning(user.userId).upload() })
      await fails(400, 'M_INVALID_PARAM', { as: user, body: new TestCrossSigning('@other:here.test').upload() })
    }),
    operation(
      'uploadCrossSigningSignatures',
      `POST ${V3}/keys/signatures/upload`,
      async ({ ok, fails, person, other }) => {
        const { user, device } = await withKeys({ person, other })
        const crossSigning = new TestCrossSigning(user.userId)
        await other('uploadCrossSigningKeys', { as: user, body: crossSigning.upload() })
        const signed = crossSigning.selfSigning.sign(device.deviceKeys(), user.userId)
        await ok({ as: user, body: { [user.userId]: { [user.deviceId]: signed } } })
        await fails(400, 'M_NOT_JSON', { as: user, raw: '{' })
      },
    ),
  ],
}

const ALGORITHM = 'm.megolm_backup.v1.curve25519-aes-sha2'
const AUTH_DATA = { public_key: 'abcdefg', signatures: {} }
const BACKUP = { algorithm: ALGORITHM, auth_data: AUTH_DATA }
const KEY = {
  first_message_index: 1,
  forwarded_count: 0,
  is_verified: true,
  session_data: { ephemeral: 'base64', ciphertext: 'base64', mac: 'base64' },
}
const ROOM_ID = '!room:here.test'

/** Scope of keys → what stands in the path, and the body that holds one key. */
const SCOPES: readonly {
  readonly scope: string
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly body: object
}[] = [
  { scope: 'RoomKeys', path: '', params: {}, body: { rooms: { [ROOM_ID]: { sessions: { session: KEY } } } } },
  { scope: 'RoomKeysByRoomId', path: '/{roomId}', params: { roomId: ROOM_ID }, body: { sessions: { session: KEY } } },
  {
    scope: 'RoomKeyBySessionId',
    path: '/{roomId}/{sessionId}',
    params: { roomId: ROOM_ID, sessionId: 'session' },
    body: KEY,
  },
]

/** A new user with a backup that holds one key. */
async function withBackup({ person, other }: Pick<Steps, 'other'> & Pick<ContractWorld, 'person'>) {
  const user = await person()
  const { version } = await other('postRoomKeysVersion', { as: user, body: BACKUP })
  await other('putRoomKeys', { as: user, query: { version }, body: SCOPES[0]?.body })
  return { user, version: version as string }
}

const KEYS_IN_BACKUP: readonly Operation[] = SCOPES.flatMap(({ scope, path, params, body }) => [
  operation(`put${scope}`, `PUT ${V3}/room_keys/keys${path}`, async (steps) => {
    const { user, version } = await withBackup(steps)
    const request = { as: user, path: params, body }
    await steps.ok({ ...request, query: { version } })
    await steps.fails(404, 'M_NOT_FOUND', { ...request, as: steps.bob, query: { version } })
    await steps.other('postRoomKeysVersion', { as: user, body: BACKUP })
    await steps.fails(403, 'M_WRONG_ROOM_KEYS_VERSION', { ...request, query: { version } })
  }),
  ...(['get', 'delete'] as const).map((verb) =>
    operation(`${verb}${scope}`, `${verb.toUpperCase()} ${V3}/room_keys/keys${path}`, async (steps) => {
      const { user, version } = await withBackup(steps)
      await steps.ok({ as: user, path: params, query: { version } })
      await steps.fails(404, 'M_NOT_FOUND', { as: user, path: params, query: { version: '99' } })
    }),
  ),
])

export const KEY_BACKUP: Section = {
  title: 'End-to-end encryption: key backups',
  operations: [
    operation('postRoomKeysVersion', `POST ${V3}/room_keys/version`, async ({ ok, fails, person }) => {
      const user = await person()
      await ok({ as: user, body: BACKUP })
      await fails(400, 'M_INVALID_PARAM', { as: user, body: { algorithm: ALGORITHM } })
    }),
    operation('getRoomKeysVersionCurrent', `GET ${V3}/room_keys/version`, async ({ ok, fails, other, person }) => {
      const user = await person()
      await fails(404, 'M_NOT_FOUND', { as: user })
      await other('postRoomKeysVersion', { as: user, body: BACKUP })
      await ok({ as: user })
    }),
    operation('getRoomKeysVersion', `GET ${V3}/room_keys/version/{version}`, async (steps) => {
      const { user, version } = await withBackup(steps)
      await steps.ok({ as: user, path: { version } })
      await steps.fails(404, 'M_NOT_FOUND', { as: user, path: { version: '99' } })
    }),
    operation('putRoomKeysVersion', `PUT ${V3}/room_keys/version/{version}`, async (steps) => {
      const { user, version } = await withBackup(steps)
      await steps.ok({ as: user, path: { version }, body: { ...BACKUP, version } })
      await steps.fails(400, 'M_INVALID_PARAM', { as: user, path: { version }, body: { ...BACKUP, version: '99' } })
      await steps.fails(404, 'M_NOT_FOUND', { as: user, path: { version: '99' }, body: BACKUP })
    }),
    operation('deleteRoomKeysVersion', `DELETE ${V3}/room_keys/version/{version}`, async (steps) => {
      const { user, version } = await withBackup(steps)
      await steps.ok({ as: user, path: { version } })
      await steps.fails(404, 'M_NOT_FOUND', { as: user, path: { version: '99' } })
    }),
    ...KEYS_IN_BACKUP,
  ],
}
