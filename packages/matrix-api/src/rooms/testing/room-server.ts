import type { JsonObject, RoomAlias, RoomId, ServerName, UserId } from '@starling/protocol'
import { type FakeKeyDirectory, LocalRooms } from '@starling/testkit'
import { AccountDataStore } from '../../account-data/account-data-store.ts'
import { ephemeralEndpoints } from '../../ephemeral/ephemeral-endpoints.ts'
import { PresenceTracker } from '../../ephemeral/presence-tracker.ts'
import { filterEndpoints } from '../../filters/filter-endpoints.ts'
import { createFilterStore } from '../../filters/filter-store.ts'
import { createRateLimiter } from '../../http/rate-limits.ts'
import type { RemoteServers, StreamPositions } from '../../ports.ts'
import { InviteeProfiles } from '../../profile/invitee-profiles.ts'
import { ProfileStore } from '../../profile/profiles.ts'
import { RemoteProfiles } from '../../profile/remote-profiles.ts'
import { RoomPushEvaluation } from '../../push/push-evaluation.ts'
import { PushRules } from '../../push/push-rules.ts'
import { IndexFollower } from '../../search/index-follower.ts'
import { searchEndpoints } from '../../search/search.ts'
import { SearchIndex } from '../../search/search-index.ts'
import type { DeviceKeyCounts, DeviceListStream, ToDeviceInbox } from '../../sync/ports.ts'
import { syncEndpoints } from '../../sync/sync-endpoints.ts'
import type { MemoryStore } from '../../testing/memory-store.ts'
import { startTestApi, type TestAnswer, type TestApi, type TestBase, type TestUser } from '../../testing/test-api.ts'
import { createRoomDirectory, type RoomDirectory } from '../room-directory.ts'
import { roomEndpoints } from '../room-endpoints.ts'
import { OutlinedRooms } from '../spaces/outlined-rooms.ts'
import { CarriedSettings } from '../upgrade/carried-settings.ts'
import { CountedPositions } from './counted-positions.ts'
import { MemoryEphemeral } from './memory-ephemeral.ts'

/** What the e2ee side hands to /sync, set by tests. */
export class DeviceStreams implements ToDeviceInbox, DeviceListStream, DeviceKeyCounts {
  readonly #positions: StreamPositions
  readonly inbox: { userId: UserId; deviceId: string; position: number; event: JsonObject }[] = []
  readonly listChanges: { readonly position: number; readonly changed: UserId; readonly left?: true }[] = []
  counts: { [algorithm: string]: number } = {}
  fallback: string[] = []

  constructor(positions: StreamPositions) {
    this.#positions = positions
  }

  /** A message as another device would send it. */
  deliver(user: TestUser, event: JsonObject): void {
    const pending = this.#positions.allocate()
    this.inbox.push({ userId: user.userId, deviceId: user.deviceId, position: pending.position, event })
    pending.done({ users: [user.userId] })
  }

  changeDevices(of: UserId, seenBy: UserId): void {
    const pending = this.#positions.allocate()
    this.listChanges.push({ position: pending.position, changed: of })
    pending.done({ users: [seenBy] })
  }

  async messages(userId: UserId, deviceId: string, from: number, to: number, limit: number) {
    return this.inbox
      .filter((row) => row.userId === userId && row.deviceId === deviceId && row.position > from && row.position <= to)
      .slice(0, limit)
  }

  async deleteUpTo(userId: UserId, deviceId: string, position: number): Promise<void> {
    const kept = this.inbox.filter(
      (row) => row.userId !== userId || row.deviceId !== deviceId || row.position > position,
    )
    this.inbox.splice(0, this.inbox.length, ...kept)
  }

  async changes(_userId: UserId, from: number, to: number) {
    const inWindow = this.listChanges.filter(({ position }) => position > from && position <= to)
    return { changed: inWindow.map(({ changed }) => changed), left: [] }
  }

  async oneTimeKeyCounts() {
    return this.counts
  }

  async unusedFallbackKeyTypes() {
    return this.fallback
  }
}

/** Other servers, as far as a test has put something there. */
export class FakeRemote {
  readonly aliases = new Map<string, { roomId: RoomId; servers: ServerName[] }>()
  publicRoomsAnswer: JsonObject = { chunk: [] }
  /** `<server> <room id>` → that server's `GET /hierarchy`. */
  readonly hierarchies = new Map<string, JsonObject>()
  /** The same keys, for each question asked. */
  readonly hierarchiesAsked: string[] = []

  asPort(): RemoteServers {
    const unused = async (): Promise<never> => {
      throw new Error('not asked for in these tests')
    }
    return {
      profile: unused,
      queryKeys: unused,
      claimKeys: unused,
      devices: unused,
      media: unused,
      resolveAlias: async (alias: RoomAlias) => this.aliases.get(alias),
      publicRooms: async () => this.publicRoomsAnswer,
      hierarchy: async (server, roomId) => {
        this.hierarchiesAsked.push(`${server} ${roomId}`)
        return this.hierarchies.get(`${server} ${roomId}`)
      },
    }
  }
}

export interface RoomServer extends TestApi {
  readonly rooms: LocalRooms
  readonly roomPositions: CountedPositions
  readonly accountData: AccountDataStore
  readonly pushRules: PushRules
  readonly profiles: ProfileStore
  readonly ephemeral: MemoryEphemeral
  readonly deviceStreams: DeviceStreams
  readonly remote: FakeRemote
  readonly presence: PresenceTracker
  readonly directory: RoomDirectory
  readonly index: SearchIndex
  readonly follower: IndexFollower
  createRoom(user: TestUser, body?: JsonObject): Promise<RoomId>
  join(user: TestUser, roomId: RoomId): Promise<void>
  say(user: TestUser, roomId: RoomId, body: string): Promise<string>
  sync(user: TestUser, query?: Readonly<Record<string, string>>): Promise<TestAnswer['body']>
}

/** Serves sync, rooms, filters and ephemeral data over HTTP on the real room engine. */
export async function startRoomServer(
  options: { readonly keys?: FakeKeyDirectory; readonly store?: MemoryStore; readonly rateLimits?: boolean } = {},
): Promise<RoomServer> {
  const parts: { current?: Parts } = {}
  const api = await startTestApi(
    async (base) => {
      parts.current = await makeParts(base, options.keys)
      return parts.current.endpoints
    },
    {
      ...(options.store && { store: options.store }),
      ...(options.rateLimits && { rateLimiter: createRateLimiter({ now: () => Date.now() }) }),
    },
  )
  const made = parts.current as Parts
  let transactions = 0
  const ok = async (method: string, path: string, user: TestUser, body?: JsonObject) => {
    const answer = await api.request(method, path, { as: user, ...(body && { body }) })
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  return {
    ...api,
    ...made,
    async createRoom(user, body = {}) {
      return (await ok('POST', '/_matrix/client/v3/createRoom', user, body)).room_id
    },
    async join(user, roomId) {
      await ok('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/join`, user, {})
    },
    async say(user, roomId, body) {
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/t${transactions++}`
      return (await ok('PUT', path, user, { msgtype: 'm.text', body })).event_id
    },
    async sync(user, query = {}) {
      return ok('GET', `/_matrix/client/v3/sync?${new URLSearchParams(query)}`, user)
    },
    async [Symbol.asyncDispose]() {
      made.presence.stop()
      await made.follower.stop()
      await api[Symbol.asyncDispose]()
      await made.rooms.stop()
    },
  }
}

type Parts = Awaited<ReturnType<typeof makeParts>>

async function makeParts(base: TestBase, keys: FakeKeyDirectory | undefined) {
  const { store, clock, serverName, logger } = base
  const rooms = await LocalRooms.start({ serverName, store, clock, ...(keys && { keys }) })
  const { reader } = rooms
  const positions = new CountedPositions(rooms.positions)
  const profiles = new ProfileStore(store)
  const pushRules: PushRules = new PushRules(store, () => accountData)
  const accountData = new AccountDataStore({ store, positions })
  const ephemeral = new MemoryEphemeral(positions, clock)
  const deviceStreams = new DeviceStreams(positions)
  const remote = new FakeRemote()
  const presence = new PresenceTracker({ ephemeral, clock, logger })
  const directory = createRoomDirectory(store, clock)
  const filters = createFilterStore(store, clock)
  const index = new SearchIndex(store)
  const follower = new IndexFollower({
    ...{ index, reader, positions, clock, logger },
    users: base.accounts,
  })
  const accounts = {
    isLocal: (userId: UserId) => userId.endsWith(`:${serverName}`),
    exists: async () => true,
  }
  const shared = { reader, positions, accountData, clock, logger, serverName, profiles, accounts, presence, ephemeral }
  const deps = {
    ...{ ...shared, rooms, remote: remote.asPort(), filters },
    directory,
    ...{ index, follower, history: follower },
    carriedSettings: new CarriedSettings({ reader, accountData, pushRules, logger }),
    outlines: new OutlinedRooms({ reader, clock, serverName, remote: remote.asPort(), users: base.accounts }),
    invitees: new InviteeProfiles({
      ...{ accounts, profiles },
      remoteProfiles: new RemoteProfiles({ remote: remote.asPort(), reader, positions, clock }),
    }),
    push: new RoomPushEvaluation(pushRules, reader),
    toDevice: deviceStreams,
    deviceLists: deviceStreams,
    keyCounts: deviceStreams,
  }
  const endpoints = [
    ...roomEndpoints(deps),
    ...searchEndpoints(deps),
    ...syncEndpoints(deps),
    ...filterEndpoints(deps),
    ...ephemeralEndpoints(deps),
  ]
  return {
    rooms,
    roomPositions: positions,
    accountData,
    pushRules,
    profiles,
    ephemeral,
    deviceStreams,
    remote,
    presence,
    directory,
    index,
    follower,
    endpoints,
  }
}
