import type { Pdu } from '@starling/protocol'

/**
 * Type of the events that do nothing but join forward extremities. They stand in the DAG like any other and in no timeline, so no
 * client of a Starling node sees them; other software shows an unknown type, which clients leave out.
 */
export const MERGE_EVENT_TYPE = 'org.starling.merge'

export function isMergeEvent({ type, stateKey }: Pdu): boolean {
  return type === MERGE_EVENT_TYPE && stateKey === undefined
}
