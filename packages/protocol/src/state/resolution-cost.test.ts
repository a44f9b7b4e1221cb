import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FORK_SHAPES, type ForkShape, forkedRoom } from '../../bench/forked-rooms.ts'
import { sourceOf } from '../testing/branch.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'
import { resolveState } from './resolve-state.ts'

/** How often the resolution of that fork looks an event up: what its cost is made of, on any machine. */
function lookUps(
  shape: ForkShape,
  forks: number,
  version: string,
): { readonly count: number; readonly events: number } {
  const { room, states } = forkedRoom(shape, forks, version)
  const source = sourceOf(room)
  let count = 0
  const counting = {
    event(id: Parameters<typeof source.event>[0]) {
      count++
      return source.event(id)
    },
  }
  resolveState(states, counting, room.rules, sodiumCrypto)
  return { count, events: room.events.size }
}

for (const shape of Object.keys(FORK_SHAPES) as ForkShape[]) {
  for (const version of ['10', '12']) {
    test(`room version ${version}, ${shape}: ten times the fork costs at most eleven times the look-ups`, () => {
      const small = lookUps(shape, 100, version)
      const large = lookUps(shape, 1_000, version)
      assert.ok(large.count <= 11 * small.count, `${small.count} and ${large.count}`)
      assert.ok(large.count <= 8 * large.events, `${large.count} look-ups of ${large.events} events`)
    })
  }
}
