import type { JsonObject, UserId } from '@starling/protocol'
import type { Call } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RateLimiter } from '../../http/rate-limits.ts'
import type { Accounts } from '../accounts.ts'
import { isOnThisDevice } from '../on-this-device.ts'
import { userOfIdentifier } from '../user-identifier.ts'
import type { StageCheck, UiaFlows, UiaSessions } from './uia-sessions.ts'

export interface InteractiveAuthDeps {
  readonly accounts: Accounts
  readonly uiaSessions: UiaSessions
  readonly rateLimiter: RateLimiter
}

/**
 * Asks a user who holds a token for more than the token, before what could take the account over (Client-Server API,
 * "User-Interactive Authentication API"): the password where there is one, the page with one button for the owner on
 * this device.
 */
export class InteractiveAuth {
  readonly #deps: InteractiveAuthDeps

  constructor(deps: InteractiveAuthDeps) {
    this.#deps = deps
  }

  /**
   * Resolves once the body's `auth` completes a flow for this operation; throws the 401 that offers the flows otherwise.
   * A session begun for one operation is not valid for another. The operation is shown to the user on the page.
   */
  async authorize(call: Call, operation: string): Promise<void> {
    const { userId } = call.requester
    const flows = await this.#flowsFor(call, userId)
    await this.#deps.uiaSessions.advance(authOf(call.body), { operation, userId }, flows)
  }

  async #flowsFor(call: Call, userId: UserId): Promise<UiaFlows> {
    const { accounts } = this.#deps
    const flows: { stages: string[] }[] = []
    if (await accounts.hasPassword(userId)) flows.push({ stages: ['m.login.password'] })
    if ((await accounts.isOwner(userId)) && isOnThisDevice(call.request)) flows.push({ stages: ['m.login.sso'] })
    if (flows.length === 0) {
      throw new MatrixError(
        403,
        'M_FORBIDDEN',
        'This account has no password: do this on the device that the node is on',
      )
    }
    return { flows, checks: { 'm.login.password': this.#passwordCheck(userId) } }
  }

  #passwordCheck(userId: UserId): StageCheck {
    return async (auth) => {
      this.#deps.rateLimiter.take('login', userId)
      if (userOfIdentifier(auth, this.#deps.accounts) !== userId) return false
      return typeof auth.password === 'string' && this.#deps.accounts.passwordIs(userId, auth.password)
    }
  }
}

/** The body's `auth` object; throws `M_BAD_JSON` where it is something else. */
export function authOf(body: JsonObject): JsonObject | undefined {
  const { auth } = body
  if (auth === undefined) return undefined
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) {
    throw new MatrixError(400, 'M_BAD_JSON', 'auth is not an object')
  }
  return auth as JsonObject
}
