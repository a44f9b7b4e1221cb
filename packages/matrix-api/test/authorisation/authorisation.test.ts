import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { startContractWorld } from '../contract/contract-world.ts'
import { SECTIONS } from '../contract/sections/index.ts'
import { ROWS } from './rows.ts'
import { runMatrix } from './run-matrix.ts'

const LEAST_CELLS = 600

suite('the authorisation matrix: every operation × who has no business with what it is asked for', () => {
  test('every operation has its row', () => {
    const ids = SECTIONS.flatMap(({ operations }) => operations.map(({ id }) => id))
    assert.deepEqual(ROWS.map(({ id }) => id).sort(), ids.sort())
  })

  test('every cell is answered as it should be, and nothing leaks', async (t) => {
    await using world = await startContractWorld()
    const { cells, wrong, leaks } = await runMatrix(world, ROWS)
    t.diagnostic(`cells ${cells}`)
    assert.deepEqual(leaks, [])
    assert.deepEqual(wrong, [])
    assert.ok(cells >= LEAST_CELLS, `${cells} cells`)
  })

  test('twin: with one look-up that takes everybody for a member, the matrix shows the leaks', async () => {
    await using world = await startContractWorld()
    const { reader } = world.api.rooms
    const real = reader.membership.bind(reader)
    reader.membership = async (roomId, userId) => {
      const row = await real(roomId, userId)
      return row && { ...row, membership: 'join' }
    }
    const reading = ROWS.filter(({ id }) => /^(getRoom(State|Events)|getOneRoomEvent|getEventContext|sync)/.test(id))
    const { leaks } = await runMatrix(world, reading)
    for (const operation of ['getRoomState', 'getRoomEvents', 'getOneRoomEvent', 'getEventContext']) {
      for (const column of ['left', 'banned', 'invited']) {
        assert.ok(
          leaks.some((leak) => leak.startsWith(`${operation}, ${column}:`)),
          `${operation}, ${column}`,
        )
      }
    }
  })
})
