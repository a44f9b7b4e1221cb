import { AnswerError, type InvitePolicy, type RoomDirectory } from '@starling/federation'
import { type MatrixApi, MatrixError } from '@starling/matrix-api'

/**
 * Aliases, published rooms and whose invites users take, for federation, which is made before the API that has them: `api` is
 * looked up at each call.
 */
export function lateRoomDirectory(api: () => Pick<MatrixApi, 'forServers'>): {
  readonly directory: RoomDirectory
  readonly invitePolicy: InvitePolicy
} {
  return {
    directory: {
      resolve: (alias) => answered(api().forServers.directory.resolve(alias)),
      publicRooms: (filter) => answered(api().forServers.directory.publicRooms(filter)),
    },
    invitePolicy: (sender, target) => api().forServers.invitePolicy(sender, target),
  }
}

/** The API refuses a malformed filter as it would a client's; the asking server gets the same errcode. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof MatrixError)
      throw new AnswerError(error.status, error.errcode, error.message, { cause: error })
    throw error
  }
}
