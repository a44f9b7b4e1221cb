import type { EventId, RoomId } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { walkBack } from '../dag-walk.ts'
import { limits } from '../limits.ts'

/** How far back own events are named. */
const WALK = 256
/** Nearest events, all of which are named; beyond, every doubling of the distance. */
const DENSE = 16

/**
 * Own events by which the other side finds where both still agree: the forward extremities, which suffice unless there are
 * own events that it has not got, and ancestors at growing distances for the case that there are.
 */
export async function haveSample(engine: RoomEngine, roomId: RoomId): Promise<readonly EventId[]> {
  const extremities = await engine.forwardExtremities(roomId)
  const ancestors = await walkBack(engine, roomId, { from: extremities, inclusive: false, limit: WALK })
  const sampled = ancestors.filter((_, index) => index < DENSE || isPowerOfTwo(index) || index === ancestors.length - 1)
  return [...new Set([...extremities, ...sampled.map((event) => event.eventId)])].slice(0, limits.haveSample)
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0
}
