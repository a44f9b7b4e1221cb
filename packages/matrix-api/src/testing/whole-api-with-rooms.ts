import type { RoomId } from '@starling/protocol'
import { LocalRooms } from '@starling/testkit'
import type { MatrixApiOptions, MatrixApiPorts } from '../matrix-api-options.ts'
import { MemoryEphemeral } from '../rooms/testing/memory-ephemeral.ts'
import type { TestUser } from './test-api.ts'
import { startWholeApi, type WholeApi } from './whole-api.ts'

export interface WholeApiWithRooms extends WholeApi {
  readonly rooms: LocalRooms
  /** A user that is not the owner, with a session. */
  guest(localpart: string): Promise<TestUser>
  createRoom(user: TestUser, body?: object): Promise<RoomId>
  /** The status and errcode of a request that is expected to fail, or the status alone. */
  outcome(method: string, path: string, as: TestUser | string, body?: object): Promise<readonly unknown[]>
}

/** All sections as node wires them, on the real room engine. */
export async function startWholeApiWithRooms(
  options: Partial<MatrixApiOptions> = {},
  ports: Partial<MatrixApiPorts> = {},
): Promise<WholeApiWithRooms> {
  const made: { rooms?: LocalRooms } = {}
  const api = await startWholeApi(async ({ store, clock, serverName }) => {
    const rooms = await LocalRooms.start({ serverName, store, clock })
    made.rooms = rooms
    const { reader, positions } = rooms
    return { rooms, reader, positions, ephemeral: new MemoryEphemeral(positions, clock), ...ports }
  }, options)
  const rooms = made.rooms as LocalRooms
  return {
    ...api,
    rooms,
    async guest(localpart) {
      const userId = await api.api.accounts.create(localpart, undefined)
      const { deviceId, accessToken } = await api.api.issueToken(userId, 'test')
      return { userId, deviceId, token: accessToken }
    },
    async createRoom(user, body = {}) {
      const answer = await api.request('POST', '/_matrix/client/v3/createRoom', { as: user, body })
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
      return answer.body.room_id
    },
    async outcome(method, path, as, body) {
      const answer = await api.request(method, path, { as, ...(body && { body }) })
      return answer.body?.errcode === undefined ? [answer.status] : [answer.status, answer.body.errcode]
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await rooms.stop()
    },
  }
}
