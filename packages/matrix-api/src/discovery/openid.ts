import type { Clock, KeyValueStore, RandomBytes, ServerName, UserId } from '@starling/protocol'
import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { ownUserIdOf } from '../rooms/call-params.ts'
import { newToken, tokenHash } from '../session/token.ts'
import { buckets } from '../store/buckets.ts'
import { defineTable } from '../store/table.ts'

export interface OpenIdDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly serverName: ServerName
}

interface Row {
  readonly userId: UserId
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

const LIFE_S = 3600

/** Tokens that are still valid; the expired ones are swept when this many are there, and then the ones nearest to it. */
const MAX_TOKENS = 1_000

/**
 * OpenID (Client-Server API, "OpenID"): a token that proves to a third service who the user is, and nothing else; and the
 * server-server API's `userinfo`, where that service asks. It is served on the client listener, so it is for services
 * that can reach this node's client API.
 */
export function openIdEndpoints(deps: OpenIdDeps): readonly Endpoint[] {
  const table = defineTable<[hash: string], Row>(deps.store, buckets.openIdTokens, 's')
  return [
    endpoint<'token'>({
      method: 'POST',
      path: '/_matrix/client/v3/user/{userId}/openid/request_token',
      auth: 'token',
      async handle(call) {
        const userId = ownUserIdOf(call)
        const token = newToken('openid', deps.randomBytes)
        const expiresAt = deps.clock.now() + LIFE_S * 1000
        await deps.store.batch([
          ...(await surplus(table, deps.clock)),
          table.put([tokenHash(token)], { userId, expiresAt }),
        ])
        return { access_token: token, token_type: 'Bearer', matrix_server_name: deps.serverName, expires_in: LIFE_S }
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/openid/userinfo',
      auth: 'none',
      rate: 'search',
      async handle(call) {
        const { access_token } = checkInput(z.object({ access_token: z.string() }), { ...call.query })
        const row = await table.get(tokenHash(access_token))
        if (row && row.expiresAt > deps.clock.now()) return { sub: row.userId }
        throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'Access token unknown or expired')
      },
    }),
  ]
}

async function surplus(table: ReturnType<typeof defineTable<[hash: string], Row>>, clock: Clock) {
  const rows = await Array.fromAsync(table.scan([]))
  if (rows.length < MAX_TOKENS) return []
  const oldestFirst = rows.sort((a, b) => a.row.expiresAt - b.row.expiresAt)
  const expired = oldestFirst.filter(({ row }) => row.expiresAt <= clock.now()).length
  return oldestFirst.slice(0, Math.max(expired, rows.length - MAX_TOKENS + 1)).map(({ key }) => table.del(...key))
}
