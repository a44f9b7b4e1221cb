import { eventFor, idIsLess, type NaiveEvent, type NaiveEvents } from './event.ts'

/** "Mainline ordering": `powerLevels` is P, undefined where the partially resolved state has none (the mainline is then empty). */
export function mainlineOrdering(
  set: Iterable<NaiveEvent>,
  powerLevels: NaiveEvent | undefined,
  events: NaiveEvents,
): readonly NaiveEvent[] {
  const mainline = powerLevels ? [powerLevels, ...powerLevelsBehind(powerLevels, events)] : []
  const positionOf = (event: NaiveEvent): number => {
    const first = powerLevelsBehind(event, events).find((one) => mainline.includes(one))
    return first ? mainline.indexOf(first) : Number.POSITIVE_INFINITY
  }
  const isLess = (x: NaiveEvent, y: NaiveEvent): boolean => {
    const [ofX, ofY] = [positionOf(x), positionOf(y)]
    if (ofX !== ofY) return ofX > ofY
    if (x.originServerTs !== y.originServerTs) return x.originServerTs < y.originServerTs
    return idIsLess(x.eventId, y.eventId)
  }
  return [...set].sort((x, y) => (isLess(x, y) ? -1 : 1))
}

/** e₁, e₂, …: each the `m.room.power_levels` event in the `auth_events` of the one before, e₀ not included. */
function powerLevelsBehind(event: NaiveEvent, events: NaiveEvents): readonly NaiveEvent[] {
  const next = event.authEvents
    .map((id) => eventFor(id, events))
    .find((one) => one.type === 'm.room.power_levels' && one.stateKey === '')
  return next ? [next, ...powerLevelsBehind(next, events)] : []
}
