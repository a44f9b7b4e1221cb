import type { Pdu } from '../events/pdu.ts'

/** Depth of an event with these parents: one more than the deepest, at most 2^53−1. PDU schema, `depth`. */
export function depthAfter(parents: Iterable<Pick<Pdu, 'depth'>>): number {
  let deepest = 0
  for (const { depth } of parents) deepest = Math.max(deepest, depth)
  return Math.min(deepest + 1, Number.MAX_SAFE_INTEGER)
}
