import type { RoomId } from '@starling/protocol'
import { membersOf } from './member-group.ts'
import type { NodeLife } from './node-life.ts'
import { stateText } from './node-view.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** A cheap look at the living: do all honest nodes that are in the room stand at one point? */
export async function hasSettled(nodes: readonly SimulatedNode[], roomId: RoomId): Promise<boolean> {
  const lives: NodeLife[] = []
  for (const { isByzantine, life } of nodes) {
    if (isByzantine) continue
    if (!life) return false
    lives.push(life)
  }
  const points = new Set<string>()
  for (const { engine } of membersOf(lives, (life, other) => life.engine.isServerJoined(roomId, other.name))) {
    const extremities = [...(await engine.forwardExtremities(roomId))].sort().join()
    points.add(`${extremities}\n${stateText(await engine.currentState(roomId))}`)
  }
  return points.size <= 1
}
