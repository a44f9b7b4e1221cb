import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { YOUNG_GENERATION_BYTES } from './young-generation.ts'

/** Size of the young generation of a process that makes much garbage, some of it kept for a while. */
function afterChurn(bound: boolean): number {
  const script = `
    import { boundYoungGeneration, youngGenerationBytes } from ${JSON.stringify(import.meta.resolve('./young-generation.ts'))}
    if (${bound}) boundYoungGeneration()
    for (let round = 0; round < 300; round++) {
      const kept = Array.from({ length: 10_000 }, (_, n) => ({ n, text: 'x' + n + round }))
      await new Promise((resolve) => setImmediate(resolve, kept))
    }
    console.log(youngGenerationBytes())
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.notEqual(stdout, '', stderr)
  return Number(stdout)
}

test('the young generation stops growing where it is bounded', () => {
  // It may double once more before the observer hears of the collection that made it grow.
  assert.ok(afterChurn(true) <= 2 * YOUNG_GENERATION_BYTES)
})

test('twin: unbounded it goes on growing', () => {
  assert.ok(afterChurn(false) > 2 * YOUNG_GENERATION_BYTES)
})
