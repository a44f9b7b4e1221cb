/** One event that a node acknowledged to its user. */
export interface Acknowledged {
  readonly node: number
  /** The request: method, path and body, so that it can be asked again. */
  readonly path: string
  readonly body: object
  readonly eventId: string
  /** Ends in a transaction id: asked again it must name the same event. */
  readonly idempotent: boolean
  /** Who sent it: a guest may be banned while the event is on its way. */
  readonly by: 'owner' | 'guest'
}

/** What was asked of the nodes in a run and how it was answered. */
export class ChaosLedger {
  readonly #acknowledged: Acknowledged[] = []
  readonly faults: string[] = []
  /** Requests whose answer did not come: the node was dead, or paused for too long. */
  unanswered = 0
  /** Requests asked again with their transaction id, after an answer or without one. */
  retries = 0
  /** Answers that refuse what a guest may not do at the moment. */
  refused = 0
  /** Memberships of guests changed. */
  memberships = 0

  acknowledge(event: Acknowledged): void {
    this.#acknowledged.push(event)
  }

  get acknowledged(): readonly Acknowledged[] {
    return this.#acknowledged
  }

  /** A retry of an acknowledged request was answered. */
  again(event: Acknowledged, eventId: unknown): void {
    this.retries++
    if (eventId !== event.eventId) this.faults.push(`${event.path} was ${event.eventId} and, asked again, ${eventId}`)
  }
}
