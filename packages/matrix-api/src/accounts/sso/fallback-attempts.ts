import type { Clock, RandomBytes } from '@starling/protocol'
import { ExpiringMap } from '../../store/expiring-map.ts'

const ATTEMPT_LIFE_MS = 10 * 60_000
const MAX_ATTEMPTS = 500

/** Pages that wait for their button: secret in the form → UIA session. When there are more, the oldest is too late. */
export class FallbackAttempts {
  readonly #randomBytes: RandomBytes
  readonly #sessions: ExpiringMap<string>

  constructor(deps: { readonly clock: Clock; readonly randomBytes: RandomBytes }) {
    this.#randomBytes = deps.randomBytes
    this.#sessions = new ExpiringMap(deps.clock, { lifeMs: ATTEMPT_LIFE_MS, limit: MAX_ATTEMPTS })
  }

  /** The secret for a new page. */
  open(session: string): string {
    const attempt = Buffer.from(this.#randomBytes(32)).toString('base64url')
    this.#sessions.set(attempt, session)
    return attempt
  }

  /** The session of a page whose button was pressed; each page has one press. */
  take(attempt: string | null): string | undefined {
    return this.#sessions.take(attempt ?? '')
  }
}
