import type { EventId, RoomId, ServerName } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { planMissing } from '../anti-entropy/missing-plan.ts'
import { PlanStore } from '../anti-entropy/plan-store.ts'
import { EventBudget } from '../event-budget.ts'
import { limits } from '../limits.ts'
import { KeyedLock } from '../wire/keyed-lock.ts'
import { asInteger, asString } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { giveEvents } from './give-events.ts'
import { bodyOf, eventIdsOf, invalid, roomIdOf } from './read-request.ts'
import { load } from './state-answer.ts'

/**
 * Starling's own: events that the asker lacks, parents first, so that each can be taken in at once however long the gap.
 * `{have: [event id], plan?, from?}` → `{events, plan?, next?, cut?}`; `plan` and `next` go into the next request until they
 * are absent; `cut`: the gap is longer than a plan, and this is its near end. A plan that is no longer kept is made anew from `have`.
 */
export function eventsSince(parts: AnswerParts): Answer {
  const plans = new PlanStore()
  const budget = new EventBudget(parts.clock, limits.plannedEventsPerMinute)
  const lock = new KeyedLock()
  return {
    method: 'POST',
    path: '/_starling/federation/v1/events_since/{roomId}',
    async answer({ origin, params, content }) {
      const roomId = roomIdOf(params)
      await parts.gate.requireJoined(origin, roomId)
      const body = bodyOf(content)
      const have = eventIdsOf(body.have, 'have', 0)
      const from = body.from === undefined ? 0 : asInteger(body.from, 0)
      if (from === undefined) return invalid('"from" is no such integer.')
      const name = asString(body.plan)
      const kept = name === undefined ? undefined : plans.get(name, origin, roomId)
      // One walk for a server at a time: it reads much, and whoever asks twice gains nothing.
      const ids = kept ?? (await lock.run(origin, () => plan(parts, budget, origin, roomId, have)))
      const cut = ids.length >= limits.eventsPerPlan ? { cut: true } : {}
      const start = kept ? Math.min(from, ids.length) : 0
      const batch = await load(parts, ids.slice(start, start + limits.eventsPerAnswer))
      const events = await giveEvents(parts, roomId, batch, origin)
      // Events that have gone in between (a purge) shorten the batch; at least one id is always passed.
      const next = batch.length === events.length ? start + limits.eventsPerAnswer : start + Math.max(1, events.length)
      if (next >= ids.length) {
        if (name !== undefined) plans.delete(name)
        return { events, ...cut }
      }
      return {
        events,
        ...cut,
        plan: kept && name !== undefined ? name : plans.add({ server: origin, roomId, ids }),
        next,
      }
    },
  }
}

/** What an empty plan counts: it too has read some events. */
const LEAST_COST = 100

async function plan(
  parts: AnswerParts,
  budget: EventBudget,
  origin: ServerName,
  roomId: RoomId,
  have: readonly EventId[],
): Promise<readonly EventId[]> {
  if (budget.grant(origin, 1) < 1) {
    throw new AnswerError(429, 'M_LIMIT_EXCEEDED', 'Too many events have been asked for.', {
      fields: { retry_after_ms: 10_000 },
    })
  }
  const ids = await planMissing(parts.engine, roomId, have)
  budget.spend(origin, ids.length + LEAST_COST)
  return ids
}
