import type { EventId, Pdu, RoomId } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { dagEvents, Frontier } from '../dag-walk.ts'
import { limits } from '../limits.ts'

/**
 * Ids of this server's events in the room that somebody with `have` (and all before them) lacks, parents first. At most
 * `eventsPerPlan`, the newest: who was away for longer bridges the rest by state. Reads about as many events as it names.
 */
export async function planMissing(
  engine: RoomEngine,
  roomId: RoomId,
  have: readonly EventId[],
): Promise<readonly EventId[]> {
  const walk = new DifferenceWalk(engine, roomId)
  await walk.enter(have, true)
  await walk.enter(await engine.forwardExtremities(roomId), false)
  while (walk.wanted > 0 && walk.missing.length < limits.eventsPerPlan) {
    if (!(await walk.step())) break
  }
  return walk.missing.reverse().map((event) => event.eventId)
}

/**
 * Two colours spread from child to parent, deepest first: what the other side has, and what it lacks. An event reached in
 * both colours is had. Where depths lie, an event may be named though it is had: a duplicate, nothing worse.
 */
class DifferenceWalk {
  readonly #engine: RoomEngine
  readonly #roomId: RoomId
  readonly #frontier = new Frontier()
  /** Event → had by the other side. */
  readonly #colour = new Map<EventId, boolean>()
  readonly #open = new Set<EventId>()
  readonly missing: Pdu[] = []
  /** Events of the frontier that the other side lacks, as far as is known yet. */
  wanted = 0

  constructor(engine: RoomEngine, roomId: RoomId) {
    this.#engine = engine
    this.#roomId = roomId
  }

  async enter(ids: readonly EventId[], had: boolean): Promise<void> {
    const fresh: EventId[] = []
    for (const id of new Set(ids)) {
      const colour = this.#colour.get(id)
      if (colour === undefined) fresh.push(id)
      else if (had && !colour) {
        this.#colour.set(id, true)
        if (this.#open.has(id)) this.wanted--
      }
    }
    for (const event of await dagEvents(this.#engine, this.#roomId, fresh)) {
      this.#colour.set(event.eventId, had)
      this.#open.add(event.eventId)
      this.#frontier.add(event)
      if (!had) this.wanted++
    }
  }

  async step(): Promise<boolean> {
    const event = this.#frontier.takeDeepest()
    if (!event) return false
    this.#open.delete(event.eventId)
    const had = this.#colour.get(event.eventId) === true
    if (!had) {
      this.wanted--
      this.missing.push(event)
    }
    await this.enter(event.prevEvents, had)
    return true
  }
}
