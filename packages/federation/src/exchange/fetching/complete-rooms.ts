import type { AbortOptions, RoomId, ServerName } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import type { FetchHistory } from '../../read/fetch-history.ts'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'
import { KeyedLock } from '../wire/keyed-lock.ts'

interface CompletionParts {
  readonly engine: Pick<
    RoomEngine,
    'backwardExtremities' | 'certainty' | 'isServerJoined' | 'rejudge' | 'reportedRooms'
  >
  readonly clock: { now(): number }
  readonly fetchHistory: FetchHistory
}

interface Attempts {
  readonly inVain: number
  /** Milliseconds since the Unix epoch. */
  readonly nextAt: number
}

/**
 * Rooms of which some state is another server's word (entered by a join, or a gap was bridged): what is before that is fetched back to
 * the create event, and the room judged again by it, so that a lie that was believed ends there. Rooms too large for that stay as
 * reported, and in them, as where nobody gives the history, others' word is taken for what is missing.
 */
export class RoomCompletion {
  readonly #parts: CompletionParts
  readonly #lock = new KeyedLock()
  readonly #attempts = new LruMap<RoomId, Attempts>(limits.completionsRemembered)

  constructor(parts: CompletionParts) {
    this.#parts = parts
  }

  /** Its history is not to be had, or too long: an event whose parents nobody gives is let in by the state that a member reports. */
  isGivenUp(roomId: RoomId): boolean {
    return (this.#attempts.get(roomId)?.inVain ?? 0) >= limits.completionAttempts
  }

  /** Completes the rooms that are shared with this server. True where one of them is exact now. */
  async completeWith(server: ServerName, options?: AbortOptions): Promise<boolean> {
    let isOneExact = false
    for (const roomId of await this.#parts.engine.reportedRooms()) {
      if (options?.signal?.aborted) break
      if (!this.#parts.engine.isServerJoined(roomId, server)) continue
      if (await this.#lock.run(roomId, () => this.#complete(roomId, options))) isOneExact = true
    }
    return isOneExact
  }

  async #complete(roomId: RoomId, options?: AbortOptions): Promise<boolean> {
    const { engine, clock } = this.#parts
    if ((this.#attempts.get(roomId)?.nextAt ?? 0) > clock.now()) return false
    const certainty = await engine.certainty(roomId)
    if (certainty !== 'reported') {
      if (certainty === 'exact') this.#attempts.delete(roomId)
      else this.#note(roomId, Number.POSITIVE_INFINITY)
      return certainty === 'exact'
    }
    const { hasCome, isWhole } = await this.#fetch(roomId, options)
    const inVain = hasCome ? 0 : (this.#attempts.get(roomId)?.inVain ?? 0) + 1
    // Given up: what was here before the room was entered again, and no history leads to, counts from here on.
    const isLastTry = inVain === limits.completionAttempts
    const outcome = hasCome || isWhole || isLastTry ? await engine.rejudge(roomId) : certainty
    if (outcome === 'exact') this.#attempts.delete(roomId)
    else this.#note(roomId, inVain)
    return outcome === 'exact'
  }

  async #fetch(
    roomId: RoomId,
    options?: AbortOptions,
  ): Promise<{ readonly hasCome: boolean; readonly isWhole: boolean }> {
    const { engine, fetchHistory } = this.#parts
    let missing = await engine.backwardExtremities(roomId)
    let hasCome = false
    for (let round = 0; round < limits.completionRounds && missing.length > 0; round++) {
      if (options?.signal?.aborted) break
      await fetchHistory(roomId, missing, limits.eventsPerAnswer, options)
      const left = await engine.backwardExtremities(roomId)
      if (isSame(missing, left)) break
      hasCome = true
      missing = left
    }
    return { hasCome, isWhole: missing.length === 0 }
  }

  #note(roomId: RoomId, inVain: number): void {
    const { completionInterval, completionIntervalMax } = limits
    // Also after some of it has come: who gives one event at a time has the room judged again for each.
    const wait = Math.min(completionInterval * 2 ** Math.max(inVain - 1, 0), completionIntervalMax)
    this.#attempts.set(roomId, { inVain, nextAt: this.#parts.clock.now() + wait })
  }
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index])
}
