import type { EventId, JsonObject, Pdu, ServerName } from '@starling/protocol'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { limits } from '../limits.ts'
import type { AnswerParts } from './answer-parts.ts'

/** Ids of the state's events, and of the auth chains of these and of `also`. Refuses what is over the bound. */
export async function stateIds(
  parts: AnswerParts,
  state: readonly EventId[],
  also: readonly EventId[] = [],
): Promise<{ readonly state: readonly EventId[]; readonly authChain: readonly EventId[] }> {
  const authChain = await parts.engine.authChain([...state, ...also])
  if (state.length + authChain.size > limits.eventsPerState) {
    throw new AnswerError(413, 'M_TOO_LARGE', 'The state of the room is too large to be given in one answer.')
  }
  return { state, authChain: [...authChain] }
}

/** The same as events. Both lists share one set of server keys, the state's first. */
export async function packState(
  parts: AnswerParts,
  state: readonly EventId[],
  also: readonly EventId[] = [],
): Promise<{ readonly stateEvents: JsonObject[]; readonly authChain: JsonObject[] }> {
  const ids = await stateIds(parts, state, also)
  const carried = new Set<ServerName>()
  return {
    stateEvents: await parts.carrier.pack(await load(parts, ids.state), carried),
    authChain: await parts.carrier.pack(await load(parts, ids.authChain), carried),
  }
}

/** Events read at a time, so that a large room's answer does not hold the database for one long read. */
const BATCH = 1_000

/** Rejected events only where they stand in the DAG: others stand on them. */
export async function load(parts: AnswerParts, ids: readonly EventId[]): Promise<Pdu[]> {
  const loaded: Pdu[] = []
  for (let start = 0; start < ids.length; start += BATCH) {
    const batch = ids.slice(start, start + BATCH)
    const events = await parts.engine.events(batch)
    const absent = batch.filter((id) => !events.has(id))
    const rejected = absent.length === 0 ? undefined : await parts.engine.dagEvents(absent)
    for (const id of batch) {
      const pdu = events.get(id)?.pdu ?? rejected?.get(id)
      if (pdu) loaded.push(pdu)
    }
  }
  return loaded
}
