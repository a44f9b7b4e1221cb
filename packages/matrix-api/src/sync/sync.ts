import type { PresenceTracker } from '../ephemeral/presence-tracker.ts'
import { type CompiledFilter, filterOf } from '../filters/compiled-filter.ts'
import type { FilterStore } from '../filters/filter-store.ts'
import { integerQuery } from '../http/check-input.ts'
import { type Call, endpoint } from '../http/endpoint.ts'
import type { Affected } from '../ports.ts'
import { booleanQuery, choiceQuery } from '../rooms/call-params.ts'
import { formFor } from '../rooms/event-serialiser.ts'
import { parseSyncToken, type SyncToken } from '../rooms/position-token.ts'
import { hiddenPeople } from '../rooms/room-view.ts'
import { assemble, type SyncAnswer } from './assemble.ts'
import type { StateKey, SyncMemory, SyncSources } from './context.ts'
import { roomsTouched } from './rooms-touched.ts'
import { userInterest } from './user-interest.ts'

export interface SyncDeps extends SyncSources {
  readonly filters: FilterStore
  readonly presence: PresenceTracker
}

/** Longest wait of a long-poll, in ms: below the time after which listeners drop an idle socket. */
const MAX_TIMEOUT_MS = 90_000

interface SyncRequest {
  readonly since: SyncToken | undefined
  readonly filter: CompiledFilter
  readonly fullState: boolean
  readonly stateKey: StateKey
  readonly timeoutMs: number
}

/**
 * `GET /sync`: answers at once where there is news (or no `since`, or `full_state`), else waits for a write that concerns
 * the user, at most `timeout`. 400 for a token or filter that is none. A client that goes away ends the wait.
 */
export function sync(deps: SyncDeps, memory: SyncMemory) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/sync',
    auth: 'token',
    async handle(call) {
      const request = await requestOf(deps, call)
      const presence = choiceQuery(call.query, 'set_presence', ['offline', 'online', 'unavailable'])
      const release = await deps.presence.syncing(call.requester, presence ?? 'online')
      try {
        await acknowledge(deps, call, request.since)
        return (await longPoll(deps, memory, call, request)).json
      } finally {
        release()
      }
    },
  })
}

async function requestOf(deps: SyncDeps, call: Call): Promise<SyncRequest> {
  const { query, requester } = call
  const since = query.since === undefined || query.since === '' ? undefined : query.since
  return {
    since: since === undefined ? undefined : parseSyncToken(since, deps.positions.current()),
    filter: await filterOf(query.filter, requester.userId, deps.filters),
    fullState: booleanQuery(query, 'full_state'),
    stateKey: stateKeyOf(query),
    timeoutMs: integerQuery(query, 'timeout', { min: 0, max: MAX_TIMEOUT_MS, fallback: 0 }),
  }
}

function stateKeyOf(query: Call['query']): StateKey {
  if (booleanQuery(query, 'use_state_after')) return 'state_after'
  return booleanQuery(query, 'org.matrix.msc4222.use_state_after') ? 'org.matrix.msc4222.state_after' : 'state'
}

/** By coming back with a token, the client says that it has all before it. */
async function acknowledge(deps: SyncDeps, call: Call, since: SyncToken | undefined): Promise<void> {
  if (!since) return
  await deps.toDevice.deleteUpTo(call.requester.userId, call.requester.deviceId, since.toDevice)
}

async function longPoll(deps: SyncDeps, memory: SyncMemory, call: Call, request: SyncRequest): Promise<SyncAnswer> {
  const deadline = performance.now() + request.timeoutMs
  const atOnce = request.since === undefined || request.fullState
  let firstKeyCounts: string | undefined
  for (;;) {
    const answer = await look(deps, memory, call, request)
    firstKeyCounts ??= answer.answer.keyCounts
    const isNews = !answer.answer.isEmpty || answer.answer.keyCounts !== firstKeyCounts
    const remaining = Math.ceil(deadline - performance.now())
    if (atOnce || isNews || remaining <= 0 || call.signal.aborted) return answer.answer
    const interest = await interestOf(deps, memory, call, request)
    const woken = await deps.positions.wait(answer.to, interest, { timeoutMs: remaining, signal: call.signal })
    if (!woken) return answer.answer
  }
}

async function look(deps: SyncDeps, memory: SyncMemory, call: Call, request: SyncRequest) {
  const { requester } = call
  const to = deps.positions.current()
  const { filter, since } = request
  const [people, accountData, touched] = await Promise.all([
    hiddenPeople(deps.accountData, requester.userId),
    deps.accountData.changes(requester.userId, since?.position ?? 0, to),
    since && roomsTouched(deps.positions, since.position),
  ])
  const answer = await assemble({
    sources: deps,
    memory,
    requester,
    filter,
    since,
    to,
    touched,
    fullState: request.fullState,
    stateKey: request.stateKey,
    form: formFor(requester, deps.clock, { format: filter.format, withRoomId: false }),
    ...people,
    accountData,
  })
  return { answer, to }
}

async function interestOf(
  deps: SyncDeps,
  memory: SyncMemory,
  { requester: { userId } }: Call,
  { filter }: SyncRequest,
): Promise<(affected: Affected) => boolean> {
  const wantsPresence = filter.presence.limit > 0 && filter.presence.matches({ type: 'm.presence', content: {} })
  return userInterest(deps.reader, userId, wantsPresence ? await memory.people.of(userId) : undefined)
}
