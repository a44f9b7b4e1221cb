import type { JsonObject } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import type { LocalUsers } from '../../ports.ts'
import { netLimits } from '../limits.ts'

export const OWNER_URI = '/_starling/federation/v1/owner'

/** `GET /_starling/federation/v1/owner`: the accounts of this node that agreed to be found: `{users: [{user_id, …profile}]}`. */
export function ownerAnswer(users: LocalUsers): Answer {
  return {
    method: 'GET',
    path: OWNER_URI,
    async answer() {
      const found = (await users.discoverable()).slice(0, netLimits.usersPerListing)
      const listed = await Promise.all(
        found.map(async (userId): Promise<JsonObject> => {
          const profile = await users.profile(userId)
          return {
            user_id: userId,
            ...(typeof profile?.displayname === 'string' ? { displayname: profile.displayname } : {}),
            ...(typeof profile?.avatar_url === 'string' ? { avatar_url: profile.avatar_url } : {}),
          }
        }),
      )
      return { users: listed }
    },
  }
}
