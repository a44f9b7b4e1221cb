import { RequestError } from '@starling/federation'
import { encodeBase64Url, type JsonObject, type JsonValue } from '@starling/protocol'
import type { FaultKind } from './fault-kinds.ts'
import type { SimRandom } from './sim-random.ts'
import { pathOf } from './simulated-network.ts'
import type { SimulatedNode, Tamper } from './simulated-node.ts'

type Lie = (answer: JsonObject, random: SimRandom) => JsonObject

/** Lists of events or of their ids that an answer may hold. */
const LISTS = ['events', 'pdus', 'auth_chain', 'pdu_ids', 'auth_chain_ids'] as const

/** What can be lied about, by a part of the path; the first row that fits. */
const LIES: readonly (readonly [part: string, kind: FaultKind, lie: Lie])[] = [
  ['/send_join/', 'lyingJoin', poorerState],
  ['/state_ids/', 'wrongState', poorerState],
  ['/state/', 'wrongState', poorerState],
  ['/state_digest/', 'wrongState', otherDigest],
  ['/extremities', 'falseExtremities', falseExtremities],
  ['/events_since/', 'omittedEvents', omit],
  ['/get_missing_events/', 'omittedEvents', omit],
  ['/backfill/', 'omittedEvents', omit],
  ['/event_auth/', 'omittedEvents', omit],
  ['/event/', 'omittedEvents', omit],
]

/** Does the answer tell a state of the room, which the asker takes for true for the time being? */
export function tellsState(uri: string): boolean {
  return LIES.some(([part, , lie]) => lie === poorerState && uri.includes(part))
}

/** Answers as the product would, but for a share of them that is false or never comes. */
export function liar(node: SimulatedNode, isOver: () => boolean): Tamper {
  const { world } = node
  const { plan, counts, trace } = world
  const random = world.random(`liar ${node.index}`)
  return async (request, honest) => {
    const row = LIES.find(([part]) => request.uri.includes(part))
    const isLie = random.chance(plan.lies)
    const choice = random.next()
    if (!row || !isLie || (isOver() && !plan.liesToTheEnd)) return honest()
    if (choice < 0.15) {
      counts.silence++
      return new Promise(() => undefined)
    }
    if (choice < 0.3) throw new RequestError('refused', 'no', { status: 403, errcode: 'M_FORBIDDEN' })
    const [, kind, lie] = row
    const answer = await honest()
    const changed = lie(answer, random)
    if (JSON.stringify(changed) === JSON.stringify(answer)) return answer
    counts[kind]++
    if (lie === poorerState) world.mislead(request.from)
    trace.add(`lie ${node.name} ${kind} ${pathOf(request.uri)}`)
    return changed as JsonObject
  }
}

function omit(answer: JsonObject, random: SimRandom): JsonObject {
  const changed: Record<string, JsonValue | undefined> = { ...answer }
  for (const name of LISTS) {
    const list = answer[name]
    if (Array.isArray(list)) changed[name] = list.filter(() => random.chance(0.6))
  }
  return changed as JsonObject
}

/** Takes a few entries out of the state, so that what they held is empty: a ban forgotten, power levels gone. */
function poorerState(answer: JsonObject, random: SimRandom): JsonObject {
  const changed: Record<string, JsonValue | undefined> = { ...answer }
  for (const name of ['state', 'pdus', 'pdu_ids']) {
    const list = answer[name]
    if (Array.isArray(list)) changed[name] = list.filter((entry) => isCreate(entry as JsonValue) || random.chance(0.8))
  }
  return changed as JsonObject
}

function otherDigest(answer: JsonObject, random: SimRandom): JsonObject {
  return { ...answer, digest: encodeBase64Url(random.bytes(32)) }
}

function isCreate(entry: JsonValue): boolean {
  return typeof entry === 'object' && entry !== null && (entry as JsonObject).type === 'm.room.create'
}

function falseExtremities(answer: JsonObject, random: SimRandom): JsonObject {
  const differ = { ...((answer.differ ?? {}) as JsonObject) }
  for (const room of Object.keys(differ)) {
    differ[room] = random.chance(0.5) ? [] : [`$${encodeBase64Url(random.bytes(32))}`]
  }
  return { ...answer, differ }
}
