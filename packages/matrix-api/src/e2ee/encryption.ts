import type { Clock, Ed25519, JsonObject, KeyValueStore, Logger, RandomBytes, UserId } from '@starling/protocol'
import { DeviceStore } from '../devices/device-store.ts'
import { Devices } from '../devices/devices.ts'
import type { DeviceFollower, DeviceSessions } from '../devices/ports.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { Outbound, RemoteServers, RoomReader, StreamPositions } from '../ports.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import type { LocalAccounts } from '../sync/ports.ts'
import { Inbox } from '../to-device/inbox.ts'
import { ToDevice } from '../to-device/to-device.ts'
import { KeyBackup } from './backup/key-backup.ts'
import type { CrossSigningKeyJson } from './cross-signing/check-cross-signing-keys.ts'
import { CrossSigning } from './cross-signing/cross-signing.ts'
import { CrossSigningStore } from './cross-signing/cross-signing-store.ts'
import { KeySignatures } from './cross-signing/key-signatures.ts'
import { DehydratedDevices } from './dehydrated/dehydrated-devices.ts'
import { DeviceAnnouncements } from './device-announcements.ts'
import { DeviceListChanges } from './device-list-changes.ts'
import { DeviceLists } from './device-lists.ts'
import { KeyView } from './key-view.ts'
import { ClaimKeys } from './keys/claim-keys.ts'
import { DeviceKeyStore } from './keys/device-key-store.ts'
import { DeviceKeys } from './keys/device-keys.ts'
import { OneTimeKeys } from './keys/one-time-keys.ts'
import { parseKeyClaims, parseKeyQuery } from './keys/parse-key-requests.ts'
import { QueryKeys } from './keys/query-keys.ts'
import { RemoteDeviceLists } from './remote/remote-device-lists.ts'

export interface EncryptionDeps {
  readonly store: KeyValueStore
  readonly positions: StreamPositions
  readonly rooms: RoomReader
  readonly outbound: Pick<Outbound, 'toDevice' | 'deviceListUpdate' | 'signingKeyUpdate'>
  readonly remote: Pick<RemoteServers, 'queryKeys' | 'claimKeys' | 'devices'>
  readonly accounts: LocalAccounts
  readonly sessions: DeviceSessions
  readonly ed25519: Ed25519
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly logger: Logger
  /** Others that keep rows for a device, such as pushers. */
  readonly deviceFollowers?: readonly DeviceFollower[]
  /** First wait before the outbox is asked again for what it refused; in milliseconds. Tests shorten it. */
  readonly retryMs?: number
}

/** What of encryption other servers may ask and tell: the parts of federation's `LocalUsers` that are about devices and keys. */
export interface EncryptionForServers {
  queryKeys(body: JsonObject): Promise<JsonObject>
  claimKeys(body: JsonObject): Promise<JsonObject>
  devices(userId: UserId): Promise<JsonObject | undefined>
  deliverToDevice(message: Parameters<ToDevice['deliver']>[0]): Promise<void>
  remoteDevicesChanged(userId: UserId, edu: JsonObject): Promise<void>
}

/** Devices, their keys and their messages: the services, made and joined. */
export type Encryption = ReturnType<typeof createEncryption>

export function createEncryption(deps: EncryptionDeps) {
  const { store, positions, rooms, accounts, ed25519, clock, remote } = deps
  /** By user id: key uploads and device deletions of one user, one after the other. */
  const queue = new KeyedQueue()
  const deviceStore = new DeviceStore(store)
  const deviceKeyStore = new DeviceKeyStore(store)
  const crossSigningStore = new CrossSigningStore(store)
  const view = new KeyView(deviceKeyStore, crossSigningStore, deviceStore)
  const announcements = new DeviceAnnouncements({ ...deps, view })
  const lists = new DeviceLists({
    store,
    positions,
    rooms,
    announcements,
    localUsers: () => deviceStore.users(),
    hasKeys: async (userId, deviceId) => (await deviceKeyStore.get(userId, deviceId)) !== undefined,
  })
  const remoteLists = new RemoteDeviceLists({ store, remote, lists, ed25519 })
  const oneTimeKeys = new OneTimeKeys({ store, positions, clock })
  const inbox = new Inbox(store)
  const toDevice = new ToDevice({ ...deps, inbox, devices: deviceStore })
  const keyBackup = new KeyBackup(store)
  const keyServices = {
    lists,
    ed25519,
    queue,
    devices: deviceStore,
    deviceKeys: deviceKeyStore,
    store: crossSigningStore,
  }
  const dehydratedDevices: DehydratedDevices = new DehydratedDevices(store, () => ({
    ...{ store, positions, devices, deviceStore, deviceKeys, inbox },
  }))
  const devices: Devices = new Devices({
    store,
    clock,
    queue,
    devices: deviceStore,
    sessions: deps.sessions,
    changes: lists,
    followers: [
      ...[deviceKeyStore, oneTimeKeys, crossSigningStore, inbox, toDevice, dehydratedDevices],
      ...(deps.deviceFollowers ?? []),
    ],
    isCrossSigningKey: (userId, publicKey) => crossSigningStore.isCrossSigningKey(userId, publicKey),
  })
  const deviceKeys = new DeviceKeys({ ...keyServices, store: deviceKeyStore, oneTimeKeys })
  const queryKeys = new QueryKeys({ view, accounts, rooms, remoteLists, remote, ed25519 })
  const claimKeys = new ClaimKeys({ oneTimeKeys, accounts, remote })
  const masterKeyOf = (userId: UserId) => masterKey(userId, { accounts, crossSigningStore, remoteLists })
  const deviceListChanges = new DeviceListChanges({
    rooms,
    lists,
    remoteLists,
    isLocal: (userId) => accounts.isLocal(userId),
  })
  const forServers: EncryptionForServers = {
    queryKeys: (body) => queryKeys.queryLocal(orNothing(() => parseKeyQuery(body)) ?? new Map()),
    claimKeys: (body) => claimKeys.claimLocal(orNothing(() => parseKeyClaims(body)) ?? []),
    devices: (userId) => describeDevices(userId, { accounts, view, lists }),
    deliverToDevice: (message) => toDevice.deliver(message),
    remoteDevicesChanged: (userId, edu) => remoteLists.apply(userId, edu),
  }
  return {
    devices,
    deviceKeys,
    dehydratedDevices,
    oneTimeKeys,
    queryKeys,
    claimKeys,
    crossSigning: new CrossSigning(keyServices),
    keySignatures: new KeySignatures({ ...keyServices, masterKeyOf }),
    keyBackup,
    deviceListChanges,
    toDevice,
    inbox,
    forServers,
    /** An account is over: what remains when its devices are removed. */
    async eraseUser(userId: UserId): Promise<void> {
      await lists.commitSigningKeys(userId, await crossSigningStore.eraseUser(userId))
      await keyBackup.erase(userId)
    },
    /** Finishes what a crash cut short. */
    async start(): Promise<void> {
      await keyBackup.start()
      await announcements.flush()
      await toDevice.start()
      await dehydratedDevices.start()
    },
    stop(): void {
      announcements.stop()
      toDevice.stop()
    },
  }
}

/** What another server asks for in a malformed way is answered as a question for nothing. */
function orNothing<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof MatrixError) return undefined
    throw error
  }
}

/** A user's master key, from the cache where the user's server cannot be asked. */
async function masterKey(
  userId: UserId,
  deps: {
    readonly accounts: LocalAccounts
    readonly crossSigningStore: CrossSigningStore
    readonly remoteLists: RemoteDeviceLists
  },
): Promise<CrossSigningKeyJson | undefined> {
  if (deps.accounts.isLocal(userId)) return (await deps.crossSigningStore.keysOf(userId)).master
  const cached = await deps.remoteLists.cached(userId)
  if (cached?.current) return cached.list.master
  try {
    return (await deps.remoteLists.fetch(userId))?.master
  } catch {
    // Unreachable: the key as last known is still the one that the client has signed.
    return cached?.list.master
  }
}

/** The answer to `GET /user/devices/{userId}` (Server-server API, "Device Management"). */
async function describeDevices(
  userId: UserId,
  deps: { readonly accounts: LocalAccounts; readonly view: KeyView; readonly lists: DeviceLists },
): Promise<JsonObject | undefined> {
  if (!deps.accounts.isLocal(userId) || !(await deps.accounts.exists(userId))) return undefined
  // Read first: a change in between then comes again as an update, instead of being taken for known.
  const streamId = await deps.lists.streamId(userId)
  const devices = Object.entries(await deps.view.devices(userId, [])).map(([deviceId, { unsigned, ...keys }]) => {
    const name = (unsigned as JsonObject | undefined)?.device_display_name
    return { device_id: deviceId, keys, ...(name === undefined ? {} : { device_display_name: name }) }
  })
  return { user_id: userId, stream_id: streamId, devices, ...(await deps.view.signingKeysForServers(userId)) }
}
