import type { EventId, JsonObject, RoomAlias, RoomId, ServerName, UserId } from '@starling/protocol'
import { nodeEd25519 } from '../../src/e2ee/testing/node-ed25519.ts'
import type { MatrixApiOptions } from '../../src/matrix-api-options.ts'
import type { RemoteMedia, RemoteServers } from '../../src/ports.ts'
import type { TestUser } from '../../src/testing/test-api.ts'
import { partialPort } from '../../src/testing/unused-ports.ts'
import { startWholeApiWithRooms, type WholeApiWithRooms } from '../../src/testing/whole-api-with-rooms.ts'
import type { OperationRequest } from './operation.ts'

/** Of the accounts that have one; hashing it costs a tenth of a second. */
export const PASSWORD = 'correct horse battery staple'

/** The server that is not this one. */
export const ELSEWHERE = 'elsewhere.test' as ServerName

/** Everything switched on that a client can see; pages of `site.example` are on the test's own loopback server. */
const OPTIONS: Partial<MatrixApiOptions> = {
  registration: { mode: 'open' },
  mediaLimits: { maxBytes: 1024 * 1024 },
  voip: {
    turn: { uris: ['turn:turn.example.org'], lifeS: 3_600, credentials: { kind: 'secret', secret: 'shared' } },
    rtcTransports: [],
  },
  urlPreviews: true,
  previewing: {
    resolve: async (name) => [{ address: name === 'site.example' ? '127.0.0.1' : '10.0.0.1', family: 4 }],
    isPublic: (address) => address === '127.0.0.1',
  },
}

/** Some other server, as far as a client can make this one ask it. */
export class OtherServer {
  readonly aliases = new Map<string, RoomId>()
  readonly media = new Map<string, RemoteMedia>()
  readonly asked: string[] = []

  asPort(): RemoteServers {
    return {
      profile: async () => ({ displayname: 'Someone elsewhere' }),
      queryKeys: async () => ({ device_keys: {} }),
      claimKeys: async () => ({ one_time_keys: {} }),
      devices: async (userId) => ({ user_id: userId, stream_id: 1, devices: [] }),
      resolveAlias: async (alias: RoomAlias) => {
        const roomId = this.aliases.get(alias)
        return roomId && { roomId, servers: [ELSEWHERE] }
      },
      publicRooms: async (server) => {
        this.asked.push(server)
        return { chunk: [], total_room_count_estimate: 0 }
      },
      hierarchy: async () => undefined,
      media: async (server, mediaId) => this.media.get(`${server}/${mediaId}`),
    }
  }
}

/** The whole API over the real room engine, with an owner and a friend. */
export interface ContractWorld extends AsyncDisposable {
  readonly api: WholeApiWithRooms
  readonly other: OtherServer
  /** The owner of the node. */
  readonly alice: TestUser
  readonly bob: TestUser
  /** A new account. */
  person(localpart?: string, password?: string): Promise<TestUser>
  /** Alice's, with bob joined. */
  room(body?: JsonObject): Promise<RoomId>
  join(user: TestUser, roomId: RoomId): Promise<void>
  say(user: TestUser, roomId: RoomId, content: JsonObject | string): Promise<EventId>
  state(user: TestUser, roomId: RoomId, type: string, content: JsonObject, stateKey?: string): Promise<void>
  /** An id of an event or a room that nobody has. */
  readonly nobodys: { readonly room: RoomId; readonly event: EventId; readonly user: UserId }
  /** Told of every request, for who wants to keep them. */
  recorded?: (operationId: string, request: OperationRequest) => void
  /** Unique in this world. */
  id(prefix: string): string
}

export async function startContractWorld(
  options: Parameters<typeof startWholeApiWithRooms>[0] = {},
): Promise<ContractWorld> {
  const other = new OtherServer()
  const api = await startWholeApiWithRooms(
    { ...OPTIONS, ...options },
    { remote: other.asPort(), ed25519: partialPort(nodeEd25519) },
  )
  let made = 0
  const id = (prefix: string) => `${prefix}${++made}`
  const must = async (method: string, path: string, as: TestUser, body: JsonObject) => {
    const answer = await api.request(method, path, { as, body })
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const inRoom = (roomId: RoomId, ...parts: readonly string[]) =>
    `/_matrix/client/v3/rooms/${[roomId, ...parts].map(encodeURIComponent).join('/')}`
  const session = async (userId: UserId): Promise<TestUser> => {
    const { deviceId, accessToken } = await api.api.issueToken(userId, 'Phone')
    return { userId, deviceId, token: accessToken }
  }
  const person = async (localpart = id('person'), password?: string): Promise<TestUser> => {
    return session(await api.api.accounts.create(localpart, password))
  }
  const join = async (user: TestUser, roomId: RoomId) => {
    await must('POST', inRoom(roomId, 'join'), user, {})
  }
  const alice = await session(await api.api.accounts.ensureOwner('alice'))
  const bob = await person('bob')
  return {
    ...{ api, other, alice, bob, id, person, join },
    nobodys: {
      room: `!${'n'.repeat(43)}` as RoomId,
      event: `$${'n'.repeat(43)}` as EventId,
      user: '@nobody:here.test' as UserId,
    },
    async room(body = {}) {
      const roomId: RoomId = await api.createRoom(alice, { invite: [bob.userId], ...body })
      await join(bob, roomId)
      return roomId
    },
    async say(user, roomId, content) {
      const body = typeof content === 'string' ? { msgtype: 'm.text', body: content } : content
      return (await must('PUT', inRoom(roomId, 'send', 'm.room.message', id('t')), user, body)).event_id
    },
    async state(user, roomId, type, content, stateKey = '') {
      await must('PUT', inRoom(roomId, 'state', type, stateKey), user, content)
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}
