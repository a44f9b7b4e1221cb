import type { UserId } from '@starling/protocol'
import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { type Call, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { AccountDeps, Registration } from './deps.ts'
import { authOf } from './interactive-auth/interactive-auth.ts'
import type { UiaFlows } from './interactive-auth/uia-sessions.ts'
import { deviceRequest, openSession } from './open-session.ts'
import { isRegistrationToken, REGISTRATION_TOKEN_STAGE } from './registration-token.ts'

const request = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  inhibit_login: z.boolean().optional(),
  ...deviceRequest,
})

/** `POST /register` (Client-Server API, "Legacy account registration"), as the node's owner allows it. No guests. */
export function register(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/register',
    auth: 'none',
    rate: 'login',
    async handle(call) {
      if (call.query.kind === 'guest') {
        throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This server has no guest accounts')
      }
      const flows = registrationFlows(deps.registration)
      const checked = checkInput(request, call.body)
      if (checked.username !== undefined) await deps.accounts.assertAvailable(checked.username)
      await deps.uiaSessions.advance(authOf(call.body), { operation: 'register', userId: undefined }, flows)
      const userId = await createAccount(deps, checked)
      deps.logger.info({ userId }, 'account registered')
      return checked.inhibit_login
        ? { user_id: userId, home_server: deps.serverName }
        : openSession(deps, userId, checked)
    },
  })
}

/** `GET /register/available`. */
export function registerAvailable(deps: AccountDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/register/available',
    auth: 'none',
    rate: 'search',
    async handle(call: Call<'none'>) {
      registrationFlows(deps.registration)
      const { username } = checkInput(z.object({ username: z.string() }), { ...call.query })
      await deps.accounts.assertAvailable(username)
      return { available: true }
    },
  })
}

/** `GET /register/m.login.registration_token/validity`. */
export function registrationTokenValidity(deps: AccountDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v1/register/m.login.registration_token/validity',
    auth: 'none',
    rate: 'login',
    async handle(call) {
      const { token } = checkInput(z.object({ token: z.string() }), { ...call.query })
      registrationFlows(deps.registration)
      return { valid: isRegistrationToken(deps.registration, token) }
    },
  })
}

function registrationFlows(registration: Registration): UiaFlows {
  if (registration.mode === 'off')
    throw new MatrixError(403, 'M_FORBIDDEN', 'Registration is not enabled on this server')
  if (registration.mode === 'open') {
    return { flows: [{ stages: ['m.login.dummy'] }], checks: { 'm.login.dummy': async () => true } }
  }
  return {
    flows: [{ stages: [REGISTRATION_TOKEN_STAGE] }],
    checks: {
      [REGISTRATION_TOKEN_STAGE]: async ({ token }) =>
        typeof token === 'string' && isRegistrationToken(registration, token),
    },
  }
}

function createAccount(deps: AccountDeps, { username, password }: z.output<typeof request>): Promise<UserId> {
  const localpart = username ?? Buffer.from(deps.randomBytes(6)).toString('hex')
  return deps.accounts.create(localpart, password)
}
