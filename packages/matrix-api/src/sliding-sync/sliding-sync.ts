import { type Call, endpoint } from '../http/endpoint.ts'
import type { Position } from '../ports.ts'
import { choiceQuery } from '../rooms/call-params.ts'
import { formFor } from '../rooms/event-serialiser.ts'
import { hiddenPeople } from '../rooms/room-view.ts'
import { invitesBlocked } from '../sync/rooms-section.ts'
import { roomsTouched } from '../sync/rooms-touched.ts'
import type { SyncDeps } from '../sync/sync.ts'
import { userInterest } from '../sync/user-interest.ts'
import { type SlidingAnswer, slidingAnswer } from './answer.ts'
import type { Connection, Draft, Turn } from './connection.ts'
import { listWindows } from './list-windows.ts'
import { isShown } from './rooms-section.ts'
import type { SlidingMemory } from './sliding-context.ts'
import { parseSlidingRequest, type SlidingRequest } from './sliding-request.ts'

/** A long-poll holds its body for as long as it waits. A thousand subscriptions, the most that are taken, are smaller. */
const MAX_BODY_BYTES = 512 * 1024

/**
 * Simplified sliding sync (MSC4186) on the path, and with the names, that today's clients use. A request with `pos` waits for
 * news of what it asks for, at most `timeout`; one without is answered at once. 400 `M_UNKNOWN_POS` where the connection is not
 * known any more.
 */
export function slidingSync(deps: SyncDeps, memory: SlidingMemory) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync',
    auth: 'token',
    maxBodyBytes: MAX_BODY_BYTES,
    async handle(call) {
      const request = parseSlidingRequest(call, deps.positions.current())
      const presence = choiceQuery(call.query, 'set_presence', ['offline', 'online', 'unavailable'])
      const { connection, turn } = memory.connections.begin(call.requester, request.connId, request.pos)
      const release = await deps.presence.syncing(call.requester, presence ?? 'online')
      try {
        await acknowledge(deps, call, request)
        const { answer, draft, to } = await longPoll(deps, memory, call, request, { connection, turn })
        return { pos: memory.connections.offer(connection, turn, draft, to), ...answer.json }
      } finally {
        release()
      }
    },
  })
}

/** By sending a to-device token, the client says that it has handled all before it. */
async function acknowledge(deps: SyncDeps, { requester }: Call, { toDevice }: SlidingRequest): Promise<void> {
  if (toDevice?.since === undefined) return
  await deps.toDevice.deleteUpTo(requester.userId, requester.deviceId, toDevice.since)
}

interface Look {
  readonly answer: SlidingAnswer
  readonly draft: Draft
  readonly to: Position
}

async function longPoll(
  deps: SyncDeps,
  memory: SlidingMemory,
  call: Call,
  request: SlidingRequest,
  { connection, turn }: { readonly connection: Connection; readonly turn: Turn },
): Promise<Look> {
  const deadline = performance.now() + request.timeoutMs
  const signal = AbortSignal.any([call.signal, turn.signal])
  for (;;) {
    const found = await look(deps, memory, call, request, connection.draft())
    const remaining = Math.ceil(deadline - performance.now())
    const atOnce = request.pos === undefined || !found.answer.isEmpty
    if (atOnce || remaining <= 0 || signal.aborted) return found
    const interest = await userInterest(deps.reader, call.requester.userId)
    const woken = await deps.positions.wait(found.to, interest, { timeoutMs: remaining, signal })
    if (!woken) return found
  }
}

async function look(
  deps: SyncDeps,
  memory: SlidingMemory,
  call: Call,
  request: SlidingRequest,
  draft: Draft,
): Promise<Look> {
  const { requester } = call
  const { userId } = requester
  const order = await memory.orders.of(userId)
  const to = order.position
  const [labels, people, blocked, touched] = await Promise.all([
    memory.labels.of(userId, to),
    hiddenPeople(deps.accountData, userId),
    invitesBlocked(deps.accountData, userId),
    draft.isFirst ? undefined : roomsTouched(deps.positions, draft.since),
  ])
  const mayShow = isShown(draft.rooms, to)
  const windows = await listWindows(request, {
    userId,
    order,
    labels,
    facts: memory.facts,
    isShown: (room) => mayShow(room) && !(room.kind === 'invited' && (blocked || people.ignored.has(room.row.sender))),
  })
  const form = formFor(requester, deps.clock, { withRoomId: false })
  const shared = {
    sources: deps,
    memory,
    requester,
    request,
    draft,
    to,
    order,
    labels,
    windows,
    touched,
    ...people,
    form,
  }
  return { answer: await slidingAnswer(shared), draft, to }
}
