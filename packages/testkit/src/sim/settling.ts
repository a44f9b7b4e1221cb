import type { RoomId } from '@starling/protocol'
import { membersOf } from './member-group.ts'
import type { NodeLife } from './node-life.ts'
import { stateText } from './node-view.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Virtual milliseconds in which who is removed hears of it: some heartbeats. */
const TELLING = 5 * 60_000

/**
 * A cheap look at the living: do all honest nodes that are in the room stand at one point, and does nobody in the room hold one for a
 * member that does not belong to them? `elapsed`: virtual milliseconds since everything works.
 */
export async function hasSettled(nodes: readonly SimulatedNode[], roomId: RoomId, elapsed: number): Promise<boolean> {
  const lives: NodeLife[] = []
  for (const { isByzantine, life } of nodes) {
    if (isByzantine) continue
    if (!life) return false
    lives.push(life)
  }
  const group = membersOf(lives, (life, other) => life.engine.isServerJoined(roomId, other.name))
  const strays = lives.filter((life) => !group.includes(life) && life.engine.isServerJoined(roomId, life.name))
  for (const stray of strays) {
    const holders = group.filter(({ engine }) => engine.isServerJoined(roomId, stray.name))
    // Who hears none of them may stay apart for good (see `convergence.ts`), but they are to be told that it has removed them.
    if (holders.some(({ name }) => stray.engine.isServerJoined(roomId, name))) return false
    if (holders.length > 0 && elapsed < TELLING) return false
  }
  const points = new Set<string>()
  for (const { engine } of group) {
    const extremities = [...(await engine.forwardExtremities(roomId))].sort().join()
    points.add(`${extremities}\n${stateText(await engine.currentState(roomId))}`)
  }
  return points.size <= 1
}
