import type { CheckResult, RoomEngine } from '@starling/federation'
import type { EventId, JsonObject, Pdu } from '@starling/protocol'

type Check = RoomEngine['check']

/**
 * The checks that need no room state (size, format, hash, signatures) are a function of an event's JSON and its room version, as
 * long as all nodes hold the same keys, which they do here. So the first node that asks has them made, by the engine's own code, and
 * the others are told. Also the book of every event that was ever shown to anybody, in the form its author gave it.
 */
export class SharedChecks {
  readonly events = new Map<EventId, Pdu>()
  readonly #results = new Map<string, Promise<CheckResult>>()
  readonly #isShared: boolean

  constructor(options: { readonly isShared: boolean }) {
    this.#isShared = options.isShared
  }

  /** From now on the engine answers `check` from the shared book. `read`: what the engine makes of the outcome. */
  shareIn(engine: RoomEngine, read: (result: CheckResult) => CheckResult = (result) => result): void {
    const own: Check = engine.check.bind(engine)
    engine.check = async (json, roomVersion) => read(await this.#check(own, json, roomVersion))
  }

  remember(pdu: Pdu): void {
    if (!this.events.has(pdu.eventId)) this.events.set(pdu.eventId, pdu)
  }

  #check(own: Check, json: JsonObject, roomVersion: string): Promise<CheckResult> {
    if (!this.#isShared) return this.#ask(own, json, roomVersion)
    const question = `${roomVersion} ${JSON.stringify(json)}`
    const known = this.#results.get(question)
    if (known !== undefined) return known
    const result = this.#ask(own, json, roomVersion)
    this.#results.set(question, result)
    return result
  }

  async #ask(own: Check, json: JsonObject, roomVersion: string): Promise<CheckResult> {
    const result = await own(json, roomVersion)
    if (result.ok && !result.checked.redacted) this.remember(result.checked.pdu)
    return result
  }
}
