import type { JsonObject, ServerName, UserId } from '@starling/protocol'
import { deviceEndpoints } from '../../devices/device-endpoints.ts'
import type { Endpoint } from '../../http/endpoint.ts'
import type { RoomMembership, RoomReader } from '../../ports.ts'
import { accountDeps } from '../../testing/account-section.ts'
import type { MemoryStore } from '../../testing/memory-store.ts'
import { RoomErrorLike } from '../../testing/room-error-like.ts'
import { startTestApi, type TestApi, type TestBase, type TestUser } from '../../testing/test-api.ts'
import { toDeviceEndpoints } from '../../to-device/send-to-device.ts'
import { e2eeEndpoints } from '../e2ee-endpoints.ts'
import { createEncryption, type Encryption } from '../encryption.ts'
import { nodeEd25519 } from './node-ed25519.ts'
import { TestDevice } from './test-keys.ts'

/** Who shares rooms with whom, and the little of rooms that device lists look at. */
export class FakeRooms {
  readonly shared = new Map<UserId, Set<UserId>>()
  readonly memberships: RoomMembership[] = []
  readonly reader: RoomReader

  constructor(overrides: Partial<RoomReader> = {}) {
    this.reader = {
      sharesRoomWith: async (userId: UserId) => this.shared.get(userId) ?? new Set(),
      roomsOf: async () => this.memberships,
      ...overrides,
    } as RoomReader
  }

  share(a: UserId, b: UserId): void {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.shared.set(one, (this.shared.get(one) ?? new Set()).add(other))
    }
  }
}

/** The way to another server: questions go to `peer`, unless it is offline; what is sent is kept and, if online, delivered. */
export class FakeLink {
  peer: Encryption['forServers'] | undefined
  online = true
  /** Requests made, by name. */
  readonly asked: string[] = []
  readonly sent: { readonly kind: string; readonly content: JsonObject }[] = []
  /** Set to change an answer on its way. */
  tamper: (answer: JsonObject) => JsonObject = (answer) => answer
  readonly #origin: ServerName

  constructor(origin: ServerName) {
    this.#origin = origin
  }

  readonly remote = {
    queryKeys: (_server: ServerName, body: JsonObject) => this.#ask('queryKeys', (peer) => peer.queryKeys(body)),
    claimKeys: (_server: ServerName, body: JsonObject) => this.#ask('claimKeys', (peer) => peer.claimKeys(body)),
    devices: (userId: UserId) =>
      this.#ask('devices', async (peer) => {
        const answer = await peer.devices(userId)
        if (!answer) throw new RoomErrorLike('forbidden', 'no such user')
        return answer
      }),
  }

  readonly outbound = {
    toDevice: async (message: { sender: UserId; type: string; messageId: string; messages: JsonObject }) => {
      this.sent.push({ kind: 'to-device', content: message as unknown as JsonObject })
      const messages = message.messages as { [user: string]: { [device: string]: JsonObject } }
      if (this.online) await this.peer?.deliverToDevice({ ...message, origin: this.#origin, messages })
    },
    deviceListUpdate: (content: JsonObject & { readonly user_id: UserId; readonly device_id: string }) =>
      this.#tell('m.device_list_update', content),
    signingKeyUpdate: (content: JsonObject & { readonly user_id: UserId }) =>
      this.#tell('m.signing_key_update', content),
  }

  async #tell(kind: string, content: JsonObject & { readonly user_id: UserId }): Promise<void> {
    this.sent.push({ kind, content })
    if (this.online) await this.peer?.remoteDevicesChanged(content.user_id, { edu_type: kind, content })
  }

  async #ask(name: string, ask: (peer: Encryption['forServers']) => Promise<JsonObject>): Promise<JsonObject> {
    this.asked.push(name)
    if (!this.online || !this.peer) throw new RoomErrorLike('unreachable', 'offline')
    return this.tamper(await ask(this.peer))
  }
}

export interface TestEncryption {
  readonly api: TestApi
  readonly encryption: Encryption
  readonly rooms: FakeRooms
  readonly link: FakeLink
  /** A user with a session on a device that the server knows. */
  user(localpart?: string, deviceId?: string): Promise<TestUser>
  /** The same, with uploaded device keys and one-time keys of these ids. */
  client(localpart?: string, deviceId?: string, oneTimeKeyIds?: readonly string[]): Promise<TestClient>
  /** Completes the one-button step of a User-Interactive Authentication. */
  approve(session: string): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface TestClient extends TestUser {
  readonly device: TestDevice
}

export interface TestEncryptionOptions {
  readonly store?: MemoryStore
  readonly rooms?: FakeRooms
  readonly retryMs?: number
  readonly others?: (base: TestBase, encryption: Encryption) => readonly Endpoint[]
}

/** Devices, keys and to-device messages behind real HTTP. */
export async function startEncryption(options: TestEncryptionOptions = {}): Promise<TestEncryption> {
  const rooms = options.rooms ?? new FakeRooms()
  let made: { encryption: Encryption; link: FakeLink; account: ReturnType<typeof accountDeps> } | undefined
  const api = await startTestApi(
    (base) => {
      const link = new FakeLink(base.serverName)
      const encryption = createEncryption({
        ...base,
        rooms: rooms.reader,
        outbound: link.outbound as never,
        remote: link.remote,
        ed25519: nodeEd25519,
        ...(options.retryMs !== undefined && { retryMs: options.retryMs }),
      })
      const account = accountDeps({ ...base, devices: encryption.devices })
      made = { encryption, link, account }
      const deps = { ...encryption, positions: base.positions, interactiveAuth: account.interactiveAuth }
      return [
        ...e2eeEndpoints(deps),
        ...deviceEndpoints(deps),
        ...toDeviceEndpoints(deps),
        ...(options.others?.(base, encryption) ?? []),
      ]
    },
    options.store ? { store: options.store } : {},
  )
  if (!made) throw new Error('the endpoints were not made')
  const { encryption, link, account } = made
  await encryption.start()
  const user = async (localpart?: string, deviceId?: string) => {
    const session = await api.user(localpart, deviceId)
    await encryption.devices.ensure(session.userId, session.deviceId, undefined)
    return session
  }
  return {
    api,
    encryption,
    rooms,
    link,
    user,
    async client(localpart, deviceId, oneTimeKeyIds = []) {
      const session = await user(localpart, deviceId)
      const device = new TestDevice(session.userId, session.deviceId)
      const body = { device_keys: device.deviceKeys(), one_time_keys: device.oneTimeKeys(oneTimeKeyIds) }
      await encryption.deviceKeys.upload(session.userId, session.deviceId, body)
      return { ...session, device }
    },
    approve: (session) => {
      account.uiaSessions.complete(session, 'm.login.sso')
    },
    async [Symbol.asyncDispose]() {
      encryption.stop()
      await api[Symbol.asyncDispose]()
    },
  }
}
