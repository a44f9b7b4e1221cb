/**
 * `npm run fuzz -- [--seed S] [--count N] [--workers W] [--faults FILE]`: throws N mutated PDUs, frames, answers, EDUs and
 * keys at whole nodes. The last line is one JSON object; exit code 1 on any fault, with seed and bytes of the mutants in FILE.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { fuzzInThreads } from './fuzz-threads.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    count: { type: 'string', default: '1000000' },
    workers: { type: 'string', default: String(availableParallelism()) },
    faults: { type: 'string', default: 'fuzz-faults.json' },
  },
})
const [seed, count, workers] = [values.seed, values.count, values.workers].map(Number) as [number, number, number]
if (![seed, count, workers].every(Number.isSafeInteger) || count < 1 || workers < 1) {
  console.error('--seed, --count and --workers take whole numbers')
  process.exit(2)
}
console.error(`seed ${seed}: ${count} mutants in ${workers} threads`)
const startedAt = performance.now()
let thrown = 0
const progress = (more: number) => {
  thrown += more
  if (process.stderr.isTTY || thrown % 100_000 < more) console.error(`${thrown} thrown`)
}
const { kept, ...report } = await fuzzInThreads({ seed, count, progress }, workers)
if (kept.length > 0) {
  writeFileSync(values.faults, `${JSON.stringify({ seed, count, workers, faults: kept }, null, 2)}\n`)
  console.error(`${kept.length} faults are in ${values.faults}`)
  process.exitCode = 1
}
const seconds = Math.round((performance.now() - startedAt) / 100) / 10
console.log(JSON.stringify({ seed, workers, seconds, ...report }))
