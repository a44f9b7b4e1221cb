import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fuzzClientsInThreads } from '../../src/client-fuzz/client-fuzz-threads.ts'
import { readCorpus } from '../../src/client-fuzz/corpus.ts'
import type { Plant } from '../../src/client-fuzz/plants.ts'

/** A slice of `npm run fuzz-clients`: some 10 s. Another seed each time, which is printed, and can be given to run it again. */
const SLICE = 1_200
const seed = Number(process.env.STARLING_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))

suite('mutated requests of clients to the whole client API', { concurrency: 2 }, () => {
  test(`no 5xx, no answer that a page could not read, no silence, stall or leak (STARLING_FUZZ_SEED=${seed})`, async (t) => {
    const report = await fuzzClientsInThreads({ seed, count: SLICE }, 1)
    t.diagnostic(`seed ${seed}: ${JSON.stringify(report.statuses)}, longest turn ${report.longestTurnMs} ms`)
    assert.deepEqual(report.kept, [])
    // A run whose requests all bounce off the first check would prove little.
    for (const status of ['200', '400', '401', '403', '404', '405', '413', '431']) {
      assert.ok((report.statuses[status] ?? 0) >= 3, `${status}: ${report.statuses[status]}`)
    }
    assert.ok(report.operations.length > 160, `${report.operations.length} operations asked for`)
    assert.ok(report.succeeded.length > 60, `${report.succeeded.length} operations succeeded`)
  })

  /** Planted defects, which can be in together → the kind of fault that has to be reported of each, and words in it. */
  const PLANTED: readonly Readonly<Partial<Record<Plant, readonly [kind: string, what: RegExp]>>>[] = [
    {
      throw: ['uncaught', /planted throw/],
      reject: ['uncaught', /planted reject/],
      bug: ['status', /^500/],
      html: ['shape', /an error of type "text\/html"/],
      block: ['stall', /a turn of \d{3,} ms/],
      chatter: ['secret', /sta_/],
    },
    {
      mute: ['shape', /no CORS header/],
      forget: ['silence', /no answer/],
      hold: ['leak', /TCPServerWrap/],
      keep: ['leak', /held when everybody has gone/],
    },
    { split: ['shape', /no HTTP: header line/], deaf: ['probe', /403/] },
    { exit: ['crash', /ended with code 3/] },
  ]
  for (const defects of PLANTED) {
    test(`twin: planted defects are reported: ${Object.keys(defects).join(', ')}`, async () => {
      const plants = Object.keys(defects) as Plant[]
      const report = await fuzzClientsInThreads({ seed: 1, count: 150, plants, answerMs: 1_500 }, 1)
      for (const [plant, [kind, what]] of Object.entries(defects)) {
        const found = report.kept.some((fault) => fault.kind === kind && what.test(fault.what))
        assert.ok(found, `${plant}: ${JSON.stringify(report.kept.map((fault) => [fault.kind, fault.what]))}`)
      }
    })
  }

  test('what is sent is made anew from the seed, and made smaller where it shows a fault', async () => {
    const run = async () => {
      const { kept } = await fuzzClientsInThreads({ seed: 7, count: 100, plants: ['bug'] }, 1)
      return kept.map(({ index, request, minimised = '' }) => ({ index, request, small: minimised.length > 0 }))
    }
    const [one, other] = await Promise.all([run(), run()])
    assert.ok(one[0]?.small)
    assert.deepEqual(one, other)
  })
})

test('the recorded requests are of all 164 operations', () => {
  const recorded = new Set(readCorpus().map((request) => `${request.method} ${request.path}`))
  assert.ok(recorded.size >= 160, `${recorded.size} of them`)
})
