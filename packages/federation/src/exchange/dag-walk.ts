import type { EventId, Pdu, RoomId } from '@starling/protocol'
import type { RoomEngine } from '../contracts.ts'

/** A set of events of which the deepest is taken first. Depth only steers the walk: a forged one costs reads, no more. */
export class Frontier {
  readonly #sorted: Pdu[] = []

  get size(): number {
    return this.#sorted.length
  }

  add(event: Pdu): void {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] as Pdu).depth <= event.depth) low = middle + 1
      else high = middle
    }
    this.#sorted.splice(low, 0, event)
  }

  takeDeepest(): Pdu | undefined {
    return this.#sorted.pop()
  }
}

export interface Walk {
  /** Where it starts; the events themselves are part of the outcome where `inclusive`. */
  readonly from: readonly EventId[]
  readonly inclusive: boolean
  /** Neither these nor what only they lead to. */
  readonly without?: ReadonlySet<EventId>
  readonly minDepth?: number
  /** Events in the outcome. */
  readonly limit: number
  /** Called for each event in the order of the walk; false ends it. */
  readonly take?: (event: Pdu) => boolean
}

/** Walks a room's DAG along `prev_events`, newest first. Only events that stand in the DAG of this very room. */
export async function walkBack(engine: RoomEngine, roomId: RoomId, walk: Walk): Promise<Pdu[]> {
  const frontier = new Frontier()
  const seen = new Set<EventId>()
  const outcome: Pdu[] = []
  const enter = async (ids: readonly EventId[]) => {
    const fresh = ids.filter((id) => !seen.has(id) && !walk.without?.has(id))
    for (const event of await dagEvents(engine, roomId, fresh)) {
      seen.add(event.eventId)
      if (event.depth >= (walk.minDepth ?? 0)) frontier.add(event)
    }
  }
  const starts = await dagEvents(engine, roomId, walk.from)
  if (walk.inclusive) await enter(walk.from)
  else for (const event of starts) await enter(event.prevEvents)
  while (outcome.length < walk.limit) {
    const event = frontier.takeDeepest()
    if (!event) break
    outcome.push(event)
    if (walk.take?.(event) === false) break
    await enter(event.prevEvents)
  }
  return outcome
}

/** Those of the ids that are events of this room's DAG, rejected ones too: outliers and events of other rooms are none. */
export async function dagEvents(engine: RoomEngine, roomId: RoomId, ids: readonly EventId[]): Promise<Pdu[]> {
  if (ids.length === 0) return []
  return [...(await engine.dagEvents(ids)).values()].filter((pdu) => pdu.roomId === roomId)
}
