import type { RoomId, UserId } from '@starling/protocol'
import { type Call, type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { ownUserIdOf, roomIdOf } from '../rooms/call-params.ts'
import type { AccountDataStore } from './account-data-store.ts'
import { tagEndpoints } from './tags.ts'

export interface AccountDataDeps {
  readonly accountData: AccountDataStore
}

/** Types that clients read here but set by other operations. Client-Server API, "Client Config", server behaviour. */
const SERVER_MANAGED: ReadonlySet<string> = new Set(['m.fully_read', 'm.push_rules'])

/** One datum at most; Element's settings are the largest known at some tens of KiB. */
const MAX_CONTENT_BYTES = 1024 * 1024
const MAX_TYPE_BYTES = 255

const GLOBAL = '/_matrix/client/v3/user/{userId}/account_data/{type}'
const PER_ROOM = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}'

/** Client-Server API, "Client Config" and "Room Tagging". */
export function accountDataEndpoints(deps: AccountDataDeps): readonly Endpoint[] {
  return [
    getAccountData(deps, GLOBAL, () => undefined),
    setAccountData(deps, GLOBAL, () => undefined),
    getAccountData(deps, PER_ROOM, roomIdOf),
    setAccountData(deps, PER_ROOM, roomIdOf),
    ...tagEndpoints(deps),
  ]
}

type RoomOf = (call: Call) => RoomId | undefined

function getAccountData({ accountData }: AccountDataDeps, path: string, roomOf: RoomOf): Endpoint {
  return endpoint({
    method: 'GET',
    path,
    auth: 'token',
    async handle(call) {
      const userId: UserId = ownUserIdOf(call)
      const content = await accountData.get(userId, roomOf(call), call.params.type ?? '')
      if (!content) throw new MatrixError(404, 'M_NOT_FOUND', 'No account data of that type')
      return content
    },
  })
}

function setAccountData({ accountData }: AccountDataDeps, path: string, roomOf: RoomOf): Endpoint {
  return endpoint({
    method: 'PUT',
    path,
    auth: 'token',
    maxBodyBytes: MAX_CONTENT_BYTES,
    async handle(call) {
      const userId = ownUserIdOf(call)
      const roomId = roomOf(call)
      const { type = '' } = call.params
      if (SERVER_MANAGED.has(type)) {
        throw new MatrixError(405, 'M_BAD_JSON', `Cannot set ${type} through this API`)
      }
      if (Buffer.byteLength(type) > MAX_TYPE_BYTES)
        throw new MatrixError(400, 'M_INVALID_PARAM', 'The type is too long')
      await accountData.update(userId, roomId, type, () => call.body, [], { bounded: true })
      return {}
    },
  })
}
