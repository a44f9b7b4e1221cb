import type { JsonObject, UserId } from '@starling/protocol'
import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { userLocked } from '../session/user-locked.ts'
import type { AccountDeps } from './deps.ts'
import { deviceRequest, openSession } from './open-session.ts'
import { userOfIdentifier } from './user-identifier.ts'

const request = z.object({
  type: z.string(),
  password: z.string().optional(),
  token: z.string().optional(),
  ...deviceRequest,
})

type Request = z.output<typeof request>

/** Login type → who logs in; throws 403 where nobody does. */
const METHODS: Readonly<Record<string, (deps: AccountDeps, body: JsonObject, request: Request) => Promise<UserId>>> = {
  'm.login.password': byPassword,
  'm.login.token': byToken,
}

/** `POST /login` (Client-Server API, "Legacy login"): by password or by login token. */
export function login(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    rate: 'login',
    async handle(call) {
      const checked = checkInput(request, call.body)
      const method = Object.hasOwn(METHODS, checked.type) ? METHODS[checked.type] : undefined
      if (!method) throw new MatrixError(400, 'M_UNKNOWN', 'That login type is not supported')
      const userId = await method(deps, call.body, checked)
      if ((await deps.accounts.standing(userId)).locked) throw userLocked()
      return openSession(deps, userId, checked)
    },
  })
}

async function byPassword(deps: AccountDeps, body: JsonObject, { password }: Request): Promise<UserId> {
  if (password === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: password')
  const userId = userOfIdentifier(body, deps.accounts)
  // One budget per account as well: many addresses guessing at one password are slowed down together.
  if (userId) deps.rateLimiter.take('login', userId)
  if (userId && (await deps.accounts.passwordIs(userId, password))) return userId
  throw new MatrixError(403, 'M_FORBIDDEN', 'Wrong user name or password')
}

async function byToken(deps: AccountDeps, _body: JsonObject, { token }: Request): Promise<UserId> {
  if (token === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: token')
  const userId = deps.loginTokens.redeem(token)
  if (userId && (await deps.accounts.exists(userId))) return userId
  throw new MatrixError(403, 'M_FORBIDDEN', 'That login token is not valid (any more)')
}
