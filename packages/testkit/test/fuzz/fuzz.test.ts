import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fuzzInThreads } from '../../src/fuzz/fuzz-threads.ts'
import type { Plant } from '../../src/fuzz/plants.ts'

/** A slice of `npm run fuzz`: some 15 s. Another seed each time, which is printed, and can be given to run it again. */
const SLICE = 12_000
const seed = Number(process.env.STARLING_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))

suite('mutated PDUs, frames, answers, EDUs and keys at the entry points of a whole node', { concurrency: 2 }, () => {
  test(`nothing is thrown, stalls, gets in or is shut out (STARLING_FUZZ_SEED=${seed})`, async (t) => {
    const report = await fuzzInThreads({ seed, count: SLICE })
    t.diagnostic(`seed ${seed}: ${report.mutants} mutants, longest turn ${report.longestStallMs} ms`)
    assert.deepEqual(report.kept, [])
    // A run whose mutants all bounce off the first check would prove little: each kind of them has to get through.
    for (const verdict of [
      'gossip pdu: accept',
      'gossip_pdu: rejected',
      'request send: 200',
      'answers bent',
      'media: file',
    ]) {
      assert.ok((report.verdicts[verdict] ?? 0) >= 10, `${verdict}: ${report.verdicts[verdict]}`)
    }
    assert.ok(report.mutants >= SLICE)
  })

  /** Planted defect → the kind of fault that has to be reported. */
  const PLANTED: Readonly<Record<Plant, string>> = {
    throw: 'uncaught',
    reject: 'uncaught',
    bug: 'internal',
    block: 'stall',
    forge: 'forged',
    deaf: 'probe',
  }
  for (const [plant, kind] of Object.entries(PLANTED)) {
    test(`twin: the planted defect "${plant}" is reported as ${kind}`, async () => {
      const report = await fuzzInThreads({ seed: 1, count: 250, plant: plant as Plant })
      const found = report.kept.find((fault) => fault.kind === kind)
      assert.ok(found, JSON.stringify(report.faults))
      assert.ok(found.bytesBase64.length > 0, 'with the bytes that were thrown')
      assert.ok(report.mutants >= 250, 'and the run goes on to its end')
    })
  }

  test('the same seed throws the same bytes', async () => {
    const run = () => fuzzInThreads({ seed: 7, count: 300, plant: 'bug' })
    const [one, other] = await Promise.all([run(), run()])
    assert.deepEqual(
      one.kept.map(({ bytesBase64 }) => bytesBase64),
      other.kept.map(({ bytesBase64 }) => bytesBase64),
    )
  })
})
