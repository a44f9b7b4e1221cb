import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pdu } from '@starling/protocol'
import fc from 'fast-check'
import { type NaiveState, naiveRoomState } from '../../src/naive/index.ts'
import { type GrownRoom, growRoom, roomPlan } from '../../src/room-dags/index.ts'
import { propertyRuns } from './runs.ts'
import { WatchingEngine } from './watching-engine.ts'

const ROOM_VERSIONS = ['1', '2', '3', '5', '6', '8', '10', '11', '12', '12', '12']

/** The events in an order that the numbers decide, some of them twice. */
function shuffled(events: readonly Pdu[], keys: readonly number[]): readonly Pdu[] {
  const keyOf = (index: number): number => keys[index % keys.length] ?? 0
  const twice = events.filter((_, index) => keyOf(index) % 4 === 0)
  return [...events, ...twice]
    .map((event, index) => ({ event, key: (keyOf(index) * 7_919 + index * 104_729) % 65_537 }))
    .sort((a, b) => a.key - b.key)
    .map(({ event }) => event)
}

function idsOf(state: NaiveState): readonly string[] {
  return [...state.values()].map(({ eventId }) => eventId).sort()
}

/** Shows the room to an engine in some order, and compares everything that it says about it with the naive room. */
async function showInOrder(room: GrownRoom, keys: readonly number[]) {
  const behindBase = room.events.slice(room.baseLength)
  const engine = await WatchingEngine.enter(room)
  await engine.show(shuffled(behindBase, keys))
  const { rejected, softFailed } = await engine.outcome()
  assert.deepEqual(rejected, room.naive.rejected, 'rejected')
  for (const { eventId } of behindBase) {
    const before = await engine.stateBefore(eventId)
    assert.deepEqual(before, idsOf(room.naive.outcome(eventId).stateBefore), `state before ${eventId}`)
  }
  const extremities = await engine.forwardExtremities()
  assert.deepEqual(extremities, room.naive.forwardExtremities(), 'forward extremities')
  const state = await engine.currentState()
  assert.deepEqual(state, idsOf(room.naive.stateAfter(extremities)), 'current state')
  return { engine, softFailed, extremities, state }
}

test('the same events in any order, some twice: rejected set, states, extremities are those of the naive room from scratch', async () => {
  const seen = {
    rooms: 0,
    forked: 0,
    rejected: 0,
    softFailed: 0,
    softFailedOfOneOrder: 0,
    merged: 0,
  }
  const orders = fc.array(fc.array(fc.nat(65_536), { minLength: 5, maxLength: 12 }), { minLength: 2, maxLength: 2 })
  await fc.assert(
    fc.asyncProperty(roomPlan({ roomVersions: ROOM_VERSIONS, maxEvents: 18 }), orders, async (plan, keys) => {
      const room = growRoom(plan)
      // From scratch, from the last event to the first, is the room that grew event by event.
      const scratch = naiveRoomState([...room.events].reverse(), room.roomVersion)
      assert.deepEqual(scratch.rejected, room.naive.rejected)
      const views = []
      for (const order of keys) views.push(await showInOrder(room, order))
      const [a, b] = views
      if (!a || !b) assert.fail('two orders are to be tried')
      assert.deepEqual(a.extremities, b.extremities)
      assert.deepEqual(a.state, b.state)
      seen.rooms++
      if (a.softFailed.symmetricDifference(b.softFailed).size > 0) seen.softFailedOfOneOrder++
      if (a.extremities.size > 1) seen.forked++
      seen.rejected += room.naive.rejected.size
      seen.softFailed += a.softFailed.size
      if (await mergeEndsAllDifference(room, [a.engine, b.engine])) seen.merged++
      for (const { engine } of views) await engine.stop()
    }),
    propertyRuns('any order', 90),
  )
  console.log(JSON.stringify(seen))
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 0, `none: ${kind}`)
})

/** An event on all extremities: every server has the same ones after it, and where nothing comes back by it, that one only. */
async function mergeEndsAllDifference(room: GrownRoom, engines: readonly WatchingEngine[]): Promise<boolean> {
  const merge = room.growing.addMerge()
  if (!merge) return false
  const expected = room.naive.forwardExtremities()
  for (const engine of engines) {
    await engine.show([merge])
    assert.deepEqual(await engine.forwardExtremities(), expected, 'after the merge')
    assert.deepEqual(await engine.currentState(), idsOf(room.naive.stateAfter(expected)))
  }
  return expected.size === 1 && expected.has(merge.eventId)
}
