import { type JsonObject, ownValue } from '@starling/protocol'
import { type Call, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { userIdOf } from '../rooms/call-params.ts'
import type { ProfileDeps } from './profile-endpoints.ts'

/**
 * `GET /profile/{userId}`. Local profiles are for everybody, as the spec has it; other servers are asked only for who is
 * logged in, so that nobody can make this node call around the world.
 */
export function getProfile(deps: ProfileDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/profile/{userId}',
    auth: 'none',
    handle: (call) => profileOf(deps, call),
  })
}

/** `GET /profile/{userId}/{keyName}`. */
export function getProfileField(deps: ProfileDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/profile/{userId}/{keyName}',
    auth: 'none',
    async handle(call) {
      const { keyName = '' } = call.params
      const value = ownValue(await profileOf(deps, call), keyName)
      if (value === undefined) throw new MatrixError(404, 'M_NOT_FOUND', 'The profile has no such field')
      return { [keyName]: value }
    },
  })
}

async function profileOf(deps: ProfileDeps, call: Call<'none'>): Promise<JsonObject> {
  const userId = userIdOf(call)
  if (deps.accounts.isLocal(userId)) {
    if (!(await deps.accounts.exists(userId))) throw noSuchUser()
    return deps.profiles.whole(userId)
  }
  if (!call.requester) throw new MatrixError(403, 'M_FORBIDDEN', 'Log in to look up people of other servers')
  const profile = await deps.remoteProfiles.get(userId, call.requester.userId, { signal: call.signal })
  if (!profile) throw noSuchUser()
  return profile
}

function noSuchUser(): MatrixError {
  return new MatrixError(404, 'M_NOT_FOUND', 'There is no such user')
}
