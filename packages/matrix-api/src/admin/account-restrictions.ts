import type { UserId } from '@starling/protocol'
import type { Accounts, Standing } from '../accounts/accounts.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { userIdOf } from '../rooms/call-params.ts'

export interface RestrictionDeps {
  readonly accounts: Accounts
}

/** Restriction → the path's last word and the body's key (the same word), and what it is kept as. */
const RESTRICTIONS: readonly { readonly verb: 'lock' | 'suspend'; readonly field: keyof Standing }[] = [
  { verb: 'lock', field: 'locked' },
  { verb: 'suspend', field: 'suspended' },
]

/**
 * `GET` and `PUT /admin/lock/{userId}`, `/admin/suspend/{userId}` (Client-Server API 1.18, "Server Administration"). The
 * administrator is the node's owner, who can restrict everybody but themselves.
 */
export function accountRestrictionEndpoints({ accounts }: RestrictionDeps): readonly Endpoint[] {
  return RESTRICTIONS.flatMap(({ verb, field }) => {
    const path = `/_matrix/client/v1/admin/${verb}/{userId}`
    return [
      endpoint<'token'>({
        method: 'GET',
        path,
        auth: 'token',
        async handle(call) {
          await requireOwner(accounts, call.requester.userId)
          const userId = await localAccount(accounts, userIdOf(call))
          return { [field]: (await accounts.standing(userId))[field] }
        },
      }),
      endpoint<'token'>({
        method: 'PUT',
        path,
        auth: 'token',
        async handle(call) {
          await requireOwner(accounts, call.requester.userId)
          const value = call.body[field]
          if (value === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', `Missing parameter: ${field}`)
          if (typeof value !== 'boolean') throw new MatrixError(400, 'M_BAD_JSON', `${field} is neither true nor false`)
          const userId = await localAccount(accounts, userIdOf(call))
          if (await accounts.isOwner(userId)) throw new MatrixError(403, 'M_FORBIDDEN', 'The owner is not restricted')
          return { [field]: (await accounts.setStanding(userId, { [field]: value }))[field] }
        },
      }),
    ]
  })
}

/** First of all, so that nobody else learns which accounts there are. */
async function requireOwner(accounts: Accounts, userId: UserId): Promise<void> {
  if (await accounts.isOwner(userId)) return
  throw new MatrixError(403, 'M_FORBIDDEN', "Only the node's owner may do that")
}

async function localAccount(accounts: Accounts, userId: UserId): Promise<UserId> {
  if (!accounts.isLocal(userId)) throw new MatrixError(400, 'M_INVALID_PARAM', 'The user is not of this server')
  const row = await accounts.get(userId)
  if (!row || row.deactivatedAt !== undefined) throw new MatrixError(404, 'M_NOT_FOUND', 'No such account')
  if (row.kind === 'system') throw new MatrixError(403, 'M_FORBIDDEN', 'The node itself is not restricted')
  return userId
}
