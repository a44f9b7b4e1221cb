import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { specIsThere, specOperations } from '../../src/testing/openapi.ts'
import { startContractWorld } from './contract-world.ts'
import { runOperation } from './run-operation.ts'
import { SECTIONS } from './sections/index.ts'

/** Client-Server API v1.19. Two of its operations are written down in two forms each. */
const OPERATIONS = 164

const skip = specIsThere ? false : 'skipped: MATRIX_SPEC_DIR names no folder with the spec data'

suite('the contract: every operation against the OpenAPI of the spec', { skip }, () => {
  const covered = new Set<string>()

  for (const { title, operations } of SECTIONS) {
    test(title, async (t) => {
      await using world = await startContractWorld()
      for (const operation of operations) {
        await t.test(`${operation.id}: ${operation.is}`, async () => {
          await runOperation(world, operation)
          covered.add(operation.is)
        })
      }
    })
  }

  test('operations covered', (t) => {
    const wanted = new Set(specOperations().map((operation) => operation.trim()))
    assert.equal(wanted.size, OPERATIONS, 'operations in the spec')
    t.diagnostic(`operations covered ${covered.size} / ${OPERATIONS}`)
    for (const { id, is, notOffered } of SECTIONS.flatMap(({ operations }) => operations)) {
      if (notOffered !== undefined) t.diagnostic(`not offered: ${id} (${is}): ${notOffered}`)
    }
    assert.deepEqual(
      [...wanted].filter((operation) => !covered.has(operation)),
      [],
    )
  })
})
