import type { Clock, RandomBytes, UserId } from '@starling/protocol'
import { newToken, tokenHash } from '../session/token.ts'
import { ExpiringMap } from '../store/expiring-map.ts'

/** A token that a redirect carries is used at once; a client's own start on a slow machine is the longest wait. */
export const REDIRECT_TOKEN_LIFE_MS = 30_000

/** What the spec recommends for `POST /login/get_token`: time to scan a QR code. */
export const REQUESTED_TOKEN_LIFE_MS = 120_000

/** Tokens that wait for their login; when there are more, the oldest is void. */
const MAX_WAITING = 1_000

/** Single-use tokens for `m.login.token`, in memory: none survives a restart. */
export class LoginTokens {
  readonly #waiting: ExpiringMap<UserId>
  readonly #randomBytes: RandomBytes

  constructor(clock: Clock, randomBytes: RandomBytes) {
    this.#waiting = new ExpiringMap(clock, { lifeMs: REDIRECT_TOKEN_LIFE_MS, limit: MAX_WAITING })
    this.#randomBytes = randomBytes
  }

  issue(userId: UserId, lifeMs: number): string {
    const token = newToken('login', this.#randomBytes)
    this.#waiting.set(tokenHash(token), userId, lifeMs)
    return token
  }

  /** Whose token it was; it is void from now on. */
  redeem(token: string): UserId | undefined {
    return this.#waiting.take(tokenHash(token))
  }
}
