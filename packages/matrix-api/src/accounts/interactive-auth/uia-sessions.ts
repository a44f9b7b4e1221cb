import type { Clock, JsonObject, RandomBytes, UserId } from '@starling/protocol'
import { ExpiringMap } from '../../store/expiring-map.ts'
import { UiaChallenge } from './uia-challenge.ts'

/** Long enough to find a password, short enough that a forgotten dialog is worth nothing. */
const SESSION_LIFE_MS = 15 * 60_000

/** Sessions under way; when there are more, the oldest is void and its client is offered the flows anew. */
const MAX_SESSIONS = 1_000

/** Failed tries after which a session is void. */
const MAX_FAILURES = 5

/** What a session was begun for: valid for nothing else. */
export interface UiaScope {
  readonly operation: string
  readonly userId: UserId | undefined
}

interface UiaSession extends UiaScope {
  readonly completed: Set<string>
  failures: number
}

/** Checks what the client sent for one stage. */
export type StageCheck = (auth: JsonObject) => Promise<boolean>

export interface UiaFlows {
  readonly flows: readonly { readonly stages: readonly string[] }[]
  /** Stage → check. A stage without one (`m.login.sso`) is completed elsewhere, by `complete`. */
  readonly checks: { readonly [stage: string]: StageCheck }
}

/** User-Interactive Authentication sessions, in memory: a restart makes clients begin anew. */
export class UiaSessions {
  readonly #sessions: ExpiringMap<UiaSession>
  readonly #randomBytes: RandomBytes

  constructor(clock: Clock, randomBytes: RandomBytes) {
    this.#sessions = new ExpiringMap(clock, { lifeMs: SESSION_LIFE_MS, limit: MAX_SESSIONS })
    this.#randomBytes = randomBytes
  }

  /**
   * Resolves once all stages of one flow are done, and ends the session. Throws the challenge otherwise. `auth` is the body's
   * `auth`, undefined on the first request.
   */
  async advance(auth: JsonObject | undefined, scope: UiaScope, uia: UiaFlows): Promise<void> {
    const { id, session } = this.#resume(auth, scope)
    const challenge = (failure?: { errcode: string; error: string }) =>
      new UiaChallenge({ flows: uia.flows, session: id, completed: [...session.completed] }, failure)
    if (!auth) throw challenge()
    const stage = auth.type
    if (typeof stage === 'string' && !session.completed.has(stage)) {
      const check = isNext(uia.flows, session.completed, stage) ? uia.checks[stage] : undefined
      if (!check) throw challenge({ errcode: 'M_UNRECOGNIZED', error: 'That stage is not open here' })
      if (!(await check(auth))) {
        session.failures += 1
        if (session.failures >= MAX_FAILURES) this.#sessions.delete(id)
        throw challenge({ errcode: 'M_FORBIDDEN', error: 'That was not right' })
      }
      session.completed.add(stage)
    }
    const done = uia.flows.some(({ stages }) => stages.every((one) => session.completed.has(one)))
    if (!done) throw challenge()
    this.#sessions.delete(id)
  }

  /** What a session is for; undefined where it is unknown or over. */
  scope(sessionId: string): UiaScope | undefined {
    return this.#sessions.get(sessionId)
  }

  /** A stage was tried by other means, and failed. */
  failed(sessionId: string): void {
    const session = this.#sessions.get(sessionId)
    if (!session) return
    session.failures += 1
    if (session.failures >= MAX_FAILURES) this.#sessions.delete(sessionId)
  }

  /** A stage was completed by other means (the fallback page). */
  complete(sessionId: string, stage: string): boolean {
    const session = this.#sessions.get(sessionId)
    session?.completed.add(stage)
    return session !== undefined
  }

  #resume(auth: JsonObject | undefined, scope: UiaScope): { readonly id: string; readonly session: UiaSession } {
    const id = typeof auth?.session === 'string' ? auth.session : undefined
    const known = id === undefined ? undefined : this.#sessions.get(id)
    if (id !== undefined && known?.operation === scope.operation && known.userId === scope.userId) {
      return { id, session: known }
    }
    const fresh = { ...scope, completed: new Set<string>(), failures: 0 }
    const freshId = Buffer.from(this.#randomBytes(18)).toString('base64url')
    this.#sessions.set(freshId, fresh)
    return { id: freshId, session: fresh }
  }
}

/** A flow's stages are completed in order. */
function isNext(flows: UiaFlows['flows'], completed: ReadonlySet<string>, stage: string): boolean {
  return flows.some(({ stages }) => {
    const at = stages.indexOf(stage)
    return at !== -1 && stages.slice(0, at).every((before) => completed.has(before))
  })
}
