import type { EventId } from '../ids/branded.ts'
import { type AuthGraph, authGraphOf } from './auth-graph.ts'
import type { EventSource } from './event-source.ts'

/**
 * Room versions, "Auth difference": events in the auth chains of some of these sets but not of all. Linear in the events and
 * edges of the chains (times the number of sets / 32).
 */
export function authDifference(sets: readonly Iterable<EventId>[], source: EventSource): Set<EventId> {
  const starts = sets.map((set) => [...set])
  return authDifferenceIn(authGraphOf(starts.flat(), source), starts)
}

/** {@link authDifference} within a graph that holds the chains already. */
export function authDifferenceIn(graph: AuthGraph, sets: readonly (readonly EventId[])[]): Set<EventId> {
  const words = Math.ceil(sets.length / 32)
  // For each event one bit per set: is it in the auth chain of that set?
  const reached = new Uint32Array(graph.ids.length * words)
  const isIn = startBits(graph, sets, words)
  for (let child = graph.ids.length - 1; child >= 0; child--) {
    for (const auth of graph.authOf[child] ?? []) {
      for (let word = 0; word < words; word++) {
        const bits = (reached[child * words + word] ?? 0) | (isIn[child * words + word] ?? 0)
        reached[auth * words + word] = (reached[auth * words + word] ?? 0) | bits
      }
    }
  }
  const difference = new Set<EventId>()
  graph.ids.forEach((id, number) => {
    const count = bitCount(reached, number * words, words)
    if (count > 0 && count < sets.length) difference.add(id)
  })
  return difference
}

/** One bit per event and set: is the event a member of the set? Members are not in its auth chain unless reached as well. */
function startBits(graph: AuthGraph, sets: readonly (readonly EventId[])[], words: number): Uint32Array {
  const bits = new Uint32Array(graph.ids.length * words)
  sets.forEach((set, index) => {
    for (const id of set) {
      const at = (graph.numberOf.get(id) ?? 0) * words + (index >> 5)
      bits[at] = (bits[at] ?? 0) | (1 << (index & 31))
    }
  })
  return bits
}

function bitCount(bits: Uint32Array, from: number, words: number): number {
  let count = 0
  for (let at = from; at < from + words; at++) {
    for (let word = bits[at] ?? 0; word !== 0; word &= word - 1) count++
  }
  return count
}
