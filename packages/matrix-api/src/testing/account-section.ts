import { accountEndpoints } from '../accounts/account-endpoints.ts'
import type { AccountDeps } from '../accounts/deps.ts'
import { InteractiveAuth } from '../accounts/interactive-auth/interactive-auth.ts'
import { UiaSessions } from '../accounts/interactive-auth/uia-sessions.ts'
import { LoginTokens } from '../accounts/login-tokens.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { NO_RATE_LIMITS } from '../http/rate-limits.ts'
import type { TestBase } from './test-api.ts'

/** What the account endpoints take, over a test's base services. Also for other sections that need `interactiveAuth`. */
export function accountDeps(base: TestBase, overrides: Partial<AccountDeps> = {}): AccountDeps {
  const rateLimiter = NO_RATE_LIMITS
  const uiaSessions = new UiaSessions(base.clock, base.randomBytes)
  return {
    ...base,
    uiaSessions,
    interactiveAuth: new InteractiveAuth({ accounts: base.accounts, uiaSessions, rateLimiter }),
    loginTokens: new LoginTokens(base.clock, base.randomBytes),
    rateLimiter,
    registration: { mode: 'off' },
    trustedOrigins: () => ['http://127.0.0.1:8009'],
    farewell: async () => undefined,
    ownerName: { get: async () => 'Owner', set: async () => undefined },
    ...overrides,
  }
}

export function accountSection(
  overrides: Partial<AccountDeps> = {},
  others: readonly Endpoint[] = [],
): (base: TestBase) => readonly Endpoint[] {
  return (base) => [...accountEndpoints(accountDeps(base, overrides)), ...others]
}
