import { ownValue, parseUserId, serverOf } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import type { AnswerParts } from './answer-parts.ts'
import { invalid, notFound } from './read-request.ts'

/**
 * Server-server API, "Querying for information": a local user's profile, for whoever can name the user exactly. Finding a
 * person starts with it, before any room is shared.
 */
export function queryProfile(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/query/profile',
    async answer({ query }) {
      const userId = parseUserId(query.get('user_id')) ?? invalid('"user_id" is missing or malformed.')
      if (serverOf(userId) !== parts.keys.serverName) invalid('The user is not of this server.')
      const profile = (await parts.users.profile(userId)) ?? notFound('There is no such user.')
      const field = query.get('field')
      if (field === null) return profile
      const value = ownValue(profile, field)
      return value === undefined ? {} : { [field]: value }
    },
  }
}
