import type { EventId, Pdu } from '@starling/protocol'

/**
 * Parents before children (by `edges`: `prevEvents` or `authEvents`), whatever depths the events claim; among those that are free,
 * the order of the list. Events in a cycle are left out: no hash makes one.
 */
export function inOrderOf<T extends { readonly pdu: Pdu }>(
  events: readonly T[],
  edges: 'prevEvents' | 'authEvents',
): T[] {
  const byId = new Map(events.map((one) => [one.pdu.eventId, one]))
  const children = new Map<EventId, T[]>()
  const waitsFor = new Map<T, number>()
  const ready: T[] = []
  for (const one of byId.values()) {
    const parents = one.pdu[edges].filter((id) => byId.has(id))
    for (const id of parents) append(children, id, one)
    waitsFor.set(one, parents.length)
    if (parents.length === 0) ready.push(one)
  }
  const ordered: T[] = []
  for (let at = 0; at < ready.length; at++) {
    const next = ready[at] as T
    ordered.push(next)
    for (const child of children.get(next.pdu.eventId) ?? []) {
      const left = (waitsFor.get(child) ?? 0) - 1
      waitsFor.set(child, left)
      if (left === 0) ready.push(child)
    }
  }
  return ordered
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
