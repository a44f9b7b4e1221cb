import { randomBytes } from 'node:crypto'
import { type ServerName, serverOf, type UserId } from '@starling/protocol'
import { MemoryStore } from '../../testing/memory-store.ts'
import { TestPositions } from '../../testing/stream-positions.ts'
import { RecordingLogger } from '../../testing/test-api.ts'
import { createEncryption, type Encryption } from '../encryption.ts'
import { nodeEd25519 } from './node-ed25519.ts'
import { FakeLink, FakeRooms, type TestEncryption } from './test-encryption.ts'
import { TestDevice } from './test-keys.ts'

export interface OtherServer {
  readonly encryption: Encryption
  readonly rooms: FakeRooms
  readonly link: FakeLink
  /** A user of that server with a device whose keys are uploaded. */
  client(localpart: string, deviceId: string, oneTimeKeyIds?: readonly string[]): Promise<TestDevice>
}

/** A second server, `there.test`, without HTTP, joined with `here` in both directions. */
export async function otherServer(here: TestEncryption): Promise<OtherServer> {
  const serverName = 'there.test' as ServerName
  const rooms = new FakeRooms()
  const link = new FakeLink(serverName)
  const encryption = createEncryption({
    store: new MemoryStore(),
    positions: new TestPositions(),
    rooms: rooms.reader,
    outbound: link.outbound as never,
    remote: link.remote,
    accounts: { isLocal: (userId) => serverOf(userId) === serverName, exists: async () => true },
    sessions: { revokeDevice: async () => undefined, lastSeen: { get: async () => undefined } },
    ed25519: nodeEd25519,
    clock: { now: () => Date.now() },
    randomBytes,
    logger: new RecordingLogger(),
  })
  link.peer = here.encryption.forServers
  here.link.peer = encryption.forServers
  return {
    encryption,
    rooms,
    link,
    async client(localpart, deviceId, oneTimeKeyIds = []) {
      const userId = `@${localpart}:${serverName}` as UserId
      await encryption.devices.ensure(userId, deviceId, undefined)
      const device = new TestDevice(userId, deviceId)
      const body = { device_keys: device.deviceKeys(), one_time_keys: device.oneTimeKeys(oneTimeKeyIds) }
      await encryption.deviceKeys.upload(userId, deviceId, body)
      return device
    },
  }
}
