import { isJsonObject, type JsonObject, withoutKeys, withValue } from '@starling/protocol'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { ownUserIdOf, roomIdOf } from '../rooms/call-params.ts'
import type { AccountDataDeps } from './account-data-endpoints.ts'

const MAX_TAG_BYTES = 255

/** Tags on one room; more is 400. Clients use a handful. */
const MAX_TAGS = 200

const TAGS = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags'
const TAG = `${TAGS}/{tag}`

/** Client-Server API, "Room Tagging". Tags are the content of the room's `m.tag` account data. */
export function tagEndpoints({ accountData }: AccountDataDeps): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: TAGS,
      auth: 'token',
      async handle(call) {
        return { tags: tagsIn(await accountData.get(ownUserIdOf(call), roomIdOf(call), 'm.tag')) }
      },
    }),
    endpoint({
      method: 'PUT',
      path: TAG,
      auth: 'token',
      maxBodyBytes: 16 * 1024,
      async handle(call) {
        const { tag = '' } = call.params
        if (Buffer.byteLength(tag) > MAX_TAG_BYTES) throw new MatrixError(400, 'M_INVALID_PARAM', 'The tag is too long')
        checkOrder(call.body)
        const withTag = (content: JsonObject | undefined) => {
          const tags = withValue(tagsIn(content), tag, call.body)
          if (Object.keys(tags).length > MAX_TAGS) throw new MatrixError(400, 'M_INVALID_PARAM', 'Too many tags')
          return { tags }
        }
        await accountData.update(ownUserIdOf(call), roomIdOf(call), 'm.tag', withTag, [], { bounded: true })
        return {}
      },
    }),
    endpoint({
      method: 'DELETE',
      path: TAG,
      auth: 'token',
      async handle(call) {
        const { tag = '' } = call.params
        await accountData.update(ownUserIdOf(call), roomIdOf(call), 'm.tag', (content) => {
          const tags = tagsIn(content)
          return Object.hasOwn(tags, tag) ? { tags: withoutKeys(tags, tag) } : undefined
        })
        return {}
      },
    }),
  ]
}

function tagsIn(content: JsonObject | undefined): JsonObject {
  return isJsonObject(content?.tags) ? content.tags : {}
}

function checkOrder({ order }: JsonObject): void {
  if (order === undefined) return
  if (typeof order !== 'number') throw new MatrixError(400, 'M_BAD_JSON', 'order is not a number')
  if (order < 0 || order > 1) throw new MatrixError(400, 'M_INVALID_PARAM', 'order is not between 0 and 1')
}
