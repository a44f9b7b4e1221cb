import { type EventId, type Pdu, topologicalOrder } from '@starling/protocol'
import type { NodeView } from './node-view.ts'

/** Every event of the schedule in one line, parents first, with what each node made of it: for a person who reads a trace. */
export function eventTable(events: ReadonlyMap<EventId, Pdu>, views: readonly NodeView[]): string[] {
  const ends = new Set(views.flatMap(({ extremities }) => extremities))
  return topologicalOrder(events.values()).map((event) => {
    const { eventId, type, stateKey, sender, content, prevEvents, authEvents, depth, originServerTs } = event
    const standing = views.map((view) => view.standing.get(eventId)?.slice(0, 3) ?? '---').join(' ')
    const slot = stateKey === undefined ? type : `${type} [${stateKey}]`
    const parents = prevEvents.map(short).join(',')
    const auth = authEvents.map(short).join(',')
    const what = JSON.stringify(content).slice(0, 160)
    const end = ends.has(eventId) ? ' END' : ''
    return `${short(eventId)} ${standing}${end} ${sender} ${slot} ${what} after ${parents} by ${auth} depth ${depth} ts ${originServerTs}`
  })
}

function short(id: EventId): string {
  return id.slice(0, 7)
}
