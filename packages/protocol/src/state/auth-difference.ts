import type { EventId } from '../ids/branded.ts'
import { type AuthGraph, authGraphOf, numbersIn } from './auth-graph.ts'
import type { EventSource } from './event-source.ts'

/**
 * Room versions, "Auth difference": events in the auth chains of some of these sets but not of all. Linear in the events and
 * edges of the chains (times the number of sets / 32).
 */
export function authDifference(sets: readonly Iterable<EventId>[], source: EventSource): Set<EventId> {
  const starts = sets.map((set) => [...set])
  const graph = authGraphOf(starts.flat(), source)
  const numbers = starts.map((set) => numbersIn(graph, set))
  return new Set(authDifferenceIn(graph, numbers).map((number) => graph.ids[number] as EventId))
}

/** {@link authDifference}, by number, within a graph that holds the chains already. */
export function authDifferenceIn(graph: AuthGraph, sets: readonly (readonly number[])[]): number[] {
  const { auths, authStart } = graph
  const words = Math.ceil(sets.length / 32)
  // For each event one bit per set: is it in the auth chain of that set? Members of a set are not, unless reached as well.
  const reached = new Uint32Array(graph.ids.length * words)
  const isIn = startBits(graph, sets, words)
  for (let child = graph.ids.length - 1; child >= 0; child--) {
    const end = authStart[child + 1] as number
    for (let edge = authStart[child] as number; edge < end; edge++) {
      const auth = auths[edge] as number
      for (let word = 0; word < words; word++) {
        const bits = (reached[child * words + word] as number) | (isIn[child * words + word] as number)
        reached[auth * words + word] = (reached[auth * words + word] as number) | bits
      }
    }
  }
  const difference: number[] = []
  for (let number = 0; number < graph.ids.length; number++) {
    const count = bitCount(reached, number * words, words)
    if (count > 0 && count < sets.length) difference.push(number)
  }
  return difference
}

/** One bit per event and set: is the event a member of the set? */
function startBits(graph: AuthGraph, sets: readonly (readonly number[])[], words: number): Uint32Array {
  const bits = new Uint32Array(graph.ids.length * words)
  for (const [index, set] of sets.entries()) {
    for (const number of set) {
      const at = number * words + (index >> 5)
      bits[at] = (bits[at] as number) | (1 << (index & 31))
    }
  }
  return bits
}

function bitCount(bits: Uint32Array, from: number, words: number): number {
  let count = 0
  for (let at = from; at < from + words; at++) {
    for (let word = bits[at] ?? 0; word !== 0; word &= word - 1) count++
  }
  return count
}
