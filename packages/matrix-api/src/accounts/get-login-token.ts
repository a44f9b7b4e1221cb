import { endpoint } from '../http/endpoint.ts'
import type { AccountDeps } from './deps.ts'
import { REQUESTED_TOKEN_LIFE_MS } from './login-tokens.ts'

/** `POST /login/get_token`: a token with which another client logs in (Client-Server API 1.7). With UIA. */
export function getLoginToken(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v1/login/get_token',
    auth: 'token',
    rate: 'login',
    async handle(call) {
      await deps.interactiveAuth.authorize(call, 'log in another client')
      return {
        login_token: deps.loginTokens.issue(call.requester.userId, REQUESTED_TOKEN_LIFE_MS),
        expires_in_ms: REQUESTED_TOKEN_LIFE_MS,
      }
    },
  })
}
