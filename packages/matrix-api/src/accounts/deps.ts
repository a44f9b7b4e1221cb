import type { Clock, Logger, RandomBytes, ServerName, UserId } from '@starling/protocol'
import type { RateLimiter } from '../http/rate-limits.ts'
import type { DeviceRegistry } from '../session/device-registry.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Accounts } from './accounts.ts'
import type { InteractiveAuth } from './interactive-auth/interactive-auth.ts'
import type { UiaSessions } from './interactive-auth/uia-sessions.ts'
import type { LoginTokens } from './login-tokens.ts'
import type { OwnerName } from './owner-name.ts'

/** Who may make accounts. */
export type Registration =
  | { readonly mode: 'off' }
  | { readonly mode: 'token'; readonly token: string }
  | { readonly mode: 'open' }

export interface AccountDeps {
  readonly serverName: ServerName
  readonly clock: Clock
  readonly logger: Logger
  readonly randomBytes: RandomBytes
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly devices: DeviceRegistry
  readonly uiaSessions: UiaSessions
  readonly interactiveAuth: InteractiveAuth
  readonly loginTokens: LoginTokens
  readonly rateLimiter: RateLimiter
  readonly registration: Registration
  readonly ownerName: OwnerName
  /**
   * Origins (`http://127.0.0.1:8009`) that the node itself serves: a login may lead back there without further asking.
   * Asked at each login, as ports are known only once listening.
   */
  readonly trustedOrigins: () => readonly string[]
  /** What else hangs on an account: rooms to leave, profile, account data. Runs after its tokens are gone. */
  readonly farewell: (userId: UserId, options: { readonly erase: boolean }) => Promise<void>
}
