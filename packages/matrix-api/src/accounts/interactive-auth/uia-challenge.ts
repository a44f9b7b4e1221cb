import { MatrixError } from '../../http/matrix-error.ts'

export interface UiaState {
  readonly flows: readonly { readonly stages: readonly string[] }[]
  readonly session: string
  readonly completed: readonly string[]
}

/**
 * The 401 that tells a client how to go on (Client-Server API, "User-interactive API in the REST API"). Its body is no
 * standard error: `errcode` and `error` stand there only where a stage was tried and failed.
 */
export class UiaChallenge extends MatrixError {
  readonly #state: UiaState
  readonly #failure: { readonly errcode: string; readonly error: string } | undefined

  constructor(state: UiaState, failure?: { readonly errcode: string; readonly error: string }) {
    super(401, failure?.errcode ?? 'M_FORBIDDEN', failure?.error ?? 'More authentication is needed')
    this.#state = state
    this.#failure = failure
  }

  override toBody(): Record<string, unknown> {
    const { flows, session, completed } = this.#state
    return { ...this.#failure, flows, params: {}, session, ...(completed.length > 0 ? { completed } : {}) }
  }
}
