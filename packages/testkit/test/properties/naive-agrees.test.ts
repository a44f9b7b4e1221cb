import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authStateOf,
  checkAuth,
  checkAuthEventsList,
  type EventId,
  type Pdu,
  resolveState,
  type StateMap,
  stateSlot,
} from '@starling/protocol'
import fc from 'fast-check'
import { type NaiveEvent, type NaiveState, naiveResolve, naiveSoftFails } from '../../src/naive/index.ts'
import { type GrownRoom, growRoom, roomPlan } from '../../src/room-dags/index.ts'
import { testCrypto } from '../../src/test-crypto.ts'
import { propertyRuns } from './runs.ts'

const ALL_VERSIONS = Array.from({ length: 12 }, (_, index) => String(index + 1))

/** The product's answer for an event against a state: the list of its auth events, then every other rule. */
function productAllows(event: Pdu, state: Iterable<NaiveEvent>, { rules, events, naive }: GrownRoom): boolean {
  const authEvents = event.authEvents.map((id) => events.find(({ eventId }) => eventId === id) as Pdu)
  const list = checkAuthEventsList(event, authEvents, rules, (id) => naive.rejected.has(id))
  return list.allowed && checkAuth(event, authStateOf(state as Iterable<Pdu>), rules, testCrypto).allowed
}

function stateMapOf(state: NaiveState): StateMap {
  return new Map([...state.values()].map((e) => [stateSlot(e.type, e.stateKey ?? ''), e.eventId as EventId]))
}

function sorted(state: StateMap): readonly string[] {
  return [...state].map(([slot, id]) => `${slot} ${id}`).sort()
}

function productResolves(states: readonly NaiveState[], { rules, events, naive }: GrownRoom): readonly string[] {
  const byId = new Map(events.map((event) => [event.eventId, event]))
  const source = { event: (id: EventId) => byId.get(id) }
  const options = { ...testCrypto, isRejected: (id: EventId) => naive.rejected.has(id) }
  return sorted(resolveState(states.map(stateMapOf), source, rules, options))
}

test('every event of every room: the product and the naive checker allow the same, by auth events, by state, by any state', () => {
  const seen = { accepted: 0, byAuthEvents: 0, byStateBefore: 0, softFailed: 0 }
  fc.assert(
    fc.property(roomPlan({ roomVersions: ALL_VERSIONS }), fc.nat(), (plan, pick) => {
      const room = growRoom(plan)
      const { events, naive, roomVersion } = room
      const create = roomVersion === '12' && events[0] ? [events[0]] : []
      const other = naive.outcome(events[pick % events.length]?.eventId ?? '').stateAfter
      for (const event of events) {
        const outcome = naive.outcome(event.eventId)
        const said = (kind: string) => `${kind}: ${JSON.stringify(event.json)} (v${roomVersion})`
        const byAuthEvents = productAllows(event, [...create, ...outcome.authState.values()], room)
        assert.equal(byAuthEvents, outcome.byAuthEvents.allowed, said(`auth events ${outcome.byAuthEvents.rule}`))
        const before = productAllows(event, outcome.stateBefore.values(), room)
        assert.equal(before, outcome.byStateBefore.allowed, said(`state before ${outcome.byStateBefore.rule}`))
        const softFails = naiveSoftFails(event, other, roomVersion, naive.events, naive.rejected)
        assert.equal(productAllows(event, other.values(), room), !softFails, said('by another state'))
        if (!outcome.rejected) seen.accepted++
        if (!outcome.byAuthEvents.allowed) seen.byAuthEvents++
        else if (!outcome.byStateBefore.allowed) seen.byStateBefore++
        if (!outcome.rejected && softFails) seen.softFailed++
      }
    }),
    propertyRuns('authorisation', 600),
  )
  console.log(JSON.stringify(seen))
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 50, `too few: ${kind}`)
})

test('every fork of every room, and states that no fork has: the product and the naive resolver resolve them alike', () => {
  const seen = { forks: 0, conflicts: 0, unlikely: 0 }
  fc.assert(
    fc.property(
      roomPlan({ roomVersions: ALL_VERSIONS }),
      fc.array(fc.array(fc.nat(), { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      (plan, picks) => {
        const room = growRoom(plan)
        const { events, naive, roomVersion } = room
        const tips = [...naive.forwardExtremities()]
        for (const { eventId, prevEvents } of [...events, { eventId: 'the tips', prevEvents: tips }]) {
          if (prevEvents.length < 2) continue
          const states = prevEvents.map((id) => naive.outcome(id).stateAfter)
          const expected = sorted(stateMapOf(naive.stateAfter(prevEvents)))
          assert.deepEqual(productResolves(states, room), expected, `before ${eventId} (v${roomVersion})`)
          seen.forks++
          if (new Set(states.map((state) => sorted(stateMapOf(state)).join())).size > 1) seen.conflicts++
        }
        // States as a server may be told of them: of any events, related or not, some with an entry too few. Only the create
        // event is in all of them: a state without one is refused on import.
        for (const pick of picks) {
          const states = pick.map((one, index) => {
            const state = naive.outcome(events[one % events.length]?.eventId ?? '').stateAfter
            return new Map([...state].filter((_, at) => at === 0 || one % 3 !== 0 || at !== (one + index) % 7))
          })
          const expected = naiveResolve(states, naive.events, roomVersion, naive.rejected)
          assert.deepEqual(productResolves(states, room), sorted(stateMapOf(expected)), `any states (v${roomVersion})`)
          seen.unlikely++
        }
      },
    ),
    propertyRuns('resolution', 600),
  )
  console.log(JSON.stringify(seen))
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 50, `too few: ${kind}`)
})

test('twin: a resolver that only looks at the time is found out by the same rooms', () => {
  let disagreements = 0
  fc.assert(
    fc.property(roomPlan({ roomVersions: ['2', '12'] }), (plan) => {
      const { events, naive } = growRoom(plan)
      for (const { prevEvents } of events) {
        const slots = new Map<string, NaiveEvent>()
        for (const [slot, event] of prevEvents.flatMap((id) => [...naive.outcome(id).stateAfter])) {
          const known = slots.get(slot)
          if (!known || known.originServerTs < event.originServerTs) slots.set(slot, event)
        }
        const expected = sorted(stateMapOf(naive.stateAfter(prevEvents)))
        if (sorted(stateMapOf(slots)).join() !== expected.join()) disagreements++
      }
    }),
    propertyRuns('by time only', 60),
  )
  assert.ok(disagreements > 10, `only ${disagreements} disagreements`)
})
