/** One write that was asked of the node, and what it answered. */
export interface Attempt {
  /** Who asked: each writer waits for one answer before it asks again. */
  readonly writer: string
  /** The room; undefined for what is in none. */
  readonly roomId: string | undefined
  readonly method: 'PUT' | 'POST'
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** Whether the path ends in a transaction id, so that asking again is safe. */
  readonly idempotent: boolean
  /** The ledger's count when it was asked. */
  readonly asked: number
  /** The ledger's count when the answer was there; undefined while nobody knows. */
  readonly acknowledged: number | undefined
  /** What it answered with 200: the event id, the room id of a creation, or nothing of these. */
  readonly eventId: string | undefined
}

type Asked = Pick<Attempt, 'writer' | 'roomId' | 'method' | 'path' | 'body' | 'idempotent'>

/** Everything that was asked of a node over all of its lives, in the order of asking. */
export class Ledger {
  readonly #attempts: Attempt[] = []
  #count = 0

  ask(asked: Asked): number {
    this.#attempts.push({ ...asked, asked: this.#count++, acknowledged: undefined, eventId: undefined })
    return this.#attempts.length - 1
  }

  acknowledge(index: number, eventId: string | undefined): void {
    const attempt = this.#attempts[index]
    if (!attempt) throw new RangeError(`no attempt ${index}`)
    this.#attempts[index] = { ...attempt, acknowledged: this.#count++, eventId }
  }

  get size(): number {
    return this.#attempts.length
  }

  /** Attempts from the one with this number on. */
  since(index: number): readonly Attempt[] {
    return this.#attempts.slice(index)
  }

  acknowledged(filter: (attempt: Attempt) => boolean = () => true): Attempt[] {
    return this.#attempts.filter((attempt) => attempt.acknowledged !== undefined && filter(attempt))
  }

  /** Numbers of those that may be asked again and whose answer nobody has seen. */
  unanswered(since: number): number[] {
    return this.#attempts
      .keys()
      .filter((index) => index >= since)
      .filter((index) => {
        const attempt = this.#attempts[index]
        return attempt?.idempotent === true && attempt.acknowledged === undefined
      })
      .toArray()
  }

  at(index: number): Attempt {
    const attempt = this.#attempts[index]
    if (!attempt) throw new RangeError(`no attempt ${index}`)
    return attempt
  }
}
