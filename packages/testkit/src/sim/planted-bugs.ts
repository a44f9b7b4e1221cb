import type { CheckResult } from '@starling/federation'
import type { SimulatedNode } from './simulated-node.ts'
import type { PlantedBug } from './simulated-world.ts'

/** The mistake that this node has: the last honest node of a world in which one was planted. */
export function bugOf(node: SimulatedNode): PlantedBug | undefined {
  const { plan, options } = node.world
  let last = plan.nodes - 1
  while (plan.byzantine.includes(last)) last--
  return node.index === last ? options.bug : undefined
}

/** For `timeless-resolution`: events as a node reads them that does not know when they were made. */
export function withoutTime(result: CheckResult): CheckResult {
  if (!result.ok) return result
  return { ok: true, checked: { ...result.checked, pdu: { ...result.checked.pdu, originServerTs: 0 } } }
}

export function diskTwinOf(node: SimulatedNode): 'early-acknowledgement' | 'torn-batches' | undefined {
  const bug = bugOf(node)
  return bug === 'early-acknowledgement' || bug === 'torn-batches' ? bug : undefined
}
