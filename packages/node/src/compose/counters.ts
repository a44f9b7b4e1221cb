import type { Count } from '@starling/federation'
import type { Logger } from '@starling/protocol'

/** Counters kept; labels come from tables in the code, so the bound only guards against a mistake in one of them. */
const MAX_COUNTERS = 1_000

/** What peers did wrong and what was done about it, by stable labels. Logged at `debug` only: a stranger sets the rate. */
export class Counters {
  readonly #values = new Map<string, number>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  readonly count: Count = (what, code) => {
    const label = `${what} ${code}`
    const before = this.#values.get(label)
    if (before === undefined && this.#values.size >= MAX_COUNTERS) return
    this.#values.set(label, (before ?? 0) + 1)
    this.#logger.debug({ what, code }, 'counted')
  }

  values(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#values)
  }
}
