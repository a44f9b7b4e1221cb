import type {
  AbortOptions,
  EventId,
  JsonObject,
  RoomId,
  RoomVersionRules,
  ServerName,
  Sha256,
} from '@starling/protocol'
import { createIdOfRoom, roomVersionRules } from '@starling/protocol'
import type { CheckedPdu, ServerRequests } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { digestIds, unpackIds } from '../wire/packed-ids.ts'
import { asArray, asInteger, asObject, asString } from '../wire/read-json.ts'
import { ask } from '../wire/request-failure.ts'

/** What is to be fetched so that a room can be entered: decision 0012. */
export interface JoinPlan {
  readonly roomId: RoomId
  readonly roomVersion: string
  readonly createId: EventId
  /** The join as it was accepted. */
  readonly event: CheckedPdu
  /** Who let it in, and whose word the rest of this is. */
  readonly resident: ServerName
  /** Servers in the room, as far as anybody said: they have the events too. */
  readonly servers: readonly ServerName[]
  readonly authChain: readonly EventId[]
  readonly state: readonly EventId[]
  /** Of the ids in `state`. */
  readonly digest: string
}

export type PlanResult =
  | { readonly ok: true; readonly plan: JoinPlan; readonly events: readonly JsonObject[] }
  | { readonly ok: false; readonly reason: string }

interface PlanParts {
  readonly requests: ServerRequests
  readonly sha256: Sha256
}

/** Reads the manifest in the answer of `send_join`, fetching its pages of ids where it is long, and checks it against itself. */
export async function readManifest(
  parts: PlanParts,
  manifest: JsonObject,
  sent: Pick<JoinPlan, 'roomId' | 'roomVersion' | 'event' | 'resident' | 'servers'>,
  options?: AbortOptions,
): Promise<PlanResult> {
  const rules = roomVersionRules(sent.roomVersion)
  const chainCount = asInteger(manifest.auth_chain_count, 1, limits.eventsPerState)
  const stateCount = asInteger(manifest.state_count, 1, limits.eventsPerState)
  const digest = asString(manifest.digest)
  if (!rules || chainCount === undefined || stateCount === undefined || digest === undefined) {
    return refuse('the manifest is malformed or too long')
  }
  const ids = await readIds(parts, manifest, sent, rules, options)
  if (!ids || ids.authChain.length !== chainCount || ids.state.length !== stateCount) {
    return refuse('the ids of the manifest did not come')
  }
  if (new Set(ids.authChain).size !== chainCount || new Set(ids.state).size !== stateCount) {
    return refuse('the manifest names an event twice')
  }
  if ((await digestIds(ids.state, parts.sha256)) !== digest) return refuse('the digest is not that of the ids')
  const [createId] = ids.authChain
  if (!createId || (rules.roomId === 'hash' && createId !== createIdOfRoom(sent.roomId))) {
    return refuse('the create event is not the one in the room id')
  }
  const events = (asArray(manifest.events) ?? []).map(asObject).filter((one) => one !== undefined)
  return {
    ok: true,
    plan: { ...sent, ...ids, createId, digest },
    events: events.slice(0, limits.eventsBesideManifest),
  }
}

interface Ids {
  readonly authChain: readonly EventId[]
  readonly state: readonly EventId[]
}

async function readIds(
  parts: PlanParts,
  manifest: JsonObject,
  sent: Pick<JoinPlan, 'roomId' | 'event' | 'resident'>,
  rules: RoomVersionRules,
  options?: AbortOptions,
): Promise<Ids | undefined> {
  const inline = pageOf(manifest, rules)
  if (inline) return inline
  const authChain: EventId[] = []
  const state: EventId[] = []
  const path = [sent.roomId, sent.event.pdu.eventId].map(encodeURIComponent).join('/')
  for (let from: number | undefined = 0; from !== undefined; ) {
    const uri: string = `/_starling/federation/v1/join_ids/${path}?from=${from}`
    const answer = await ask(
      parts.requests.request(sent.resident, 'GET', uri, undefined, {
        ...options,
        timeoutMs: limits.sendTimeout,
        maxResponseBytes: limits.bytesPerPage,
      }),
    )
    const page = answer.ok ? pageOf(answer.value, rules) : undefined
    if (!answer.ok || !page || page.authChain.length + page.state.length === 0) return undefined
    authChain.push(...page.authChain)
    state.push(...page.state)
    if (authChain.length + state.length > 2 * limits.eventsPerState) return undefined
    from = answer.value.next === undefined ? undefined : asInteger(answer.value.next, from + 1)
    if (from === undefined && answer.value.next !== undefined) return undefined
  }
  return { authChain, state }
}

function pageOf(json: JsonObject, rules: RoomVersionRules): Ids | undefined {
  const authChain = unpackIds(json.auth_chain, rules, limits.idsPerPage)
  const state = unpackIds(json.state, rules, limits.idsPerPage)
  return authChain && state && { authChain, state }
}

function refuse(reason: string): PlanResult {
  return { ok: false, reason }
}
