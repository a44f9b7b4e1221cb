import type { Endpoint } from '../http/endpoint.ts'
import { changePassword } from './change-password.ts'
import { deactivateAccount } from './deactivate-account.ts'
import type { AccountDeps } from './deps.ts'
import { getLoginFlows } from './get-login-flows.ts'
import { getLoginToken } from './get-login-token.ts'
import { login } from './login.ts'
import { logout, logoutAll } from './logout.ts'
import { refresh } from './refresh.ts'
import { register, registerAvailable, registrationTokenValidity } from './register.ts'
import { ssoFallback } from './sso/sso-fallback.ts'
import { ssoRedirect } from './sso/sso-redirect.ts'
import { thirdPartyIdEndpoints } from './third-party-ids.ts'
import { whoami } from './whoami.ts'
import { whois } from './whois.ts'

/** Client-Server API, "Client Authentication" (the legacy API). */
export function accountEndpoints(deps: AccountDeps): readonly Endpoint[] {
  return [
    getLoginFlows(deps),
    login(deps),
    getLoginToken(deps),
    refresh(deps),
    logout(deps),
    logoutAll(deps),
    register(deps),
    registerAvailable(deps),
    registrationTokenValidity(deps),
    whoami(deps),
    whois(deps),
    changePassword(deps),
    deactivateAccount(deps),
    ...thirdPartyIdEndpoints(),
    ...ssoRedirect(deps),
    ...ssoFallback(deps),
  ]
}
