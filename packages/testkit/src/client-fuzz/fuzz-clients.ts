/**
 * `npm run fuzz-clients -- [--seed S] [--count N] [--workers W] [--faults FILE]`: sends N mutated requests to the whole client
 * API over real connections. The last line is one JSON object; exit code 1 on any fault, with the requests, as sent and made
 * smaller, in FILE.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { fuzzClientsInThreads } from './client-fuzz-threads.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    count: { type: 'string', default: '100000' },
    workers: { type: 'string', default: String(availableParallelism()) },
    faults: { type: 'string', default: 'client-fuzz-faults.json' },
  },
})
const [seed, count, workers] = [values.seed, values.count, values.workers].map(Number) as [number, number, number]
if (![seed, count, workers].every(Number.isSafeInteger) || count < 1 || workers < 1) {
  console.error('--seed, --count and --workers take whole numbers')
  process.exit(2)
}
console.error(`seed ${seed}: ${count} requests by ${workers} clients, each with its server`)
const startedAt = performance.now()
let sent = 0
const progress = (more: number) => {
  sent += more
  if (process.stderr.isTTY || sent % 10_000 < more) console.error(`${sent} sent`)
}
const { kept, operations, succeeded, ...report } = await fuzzClientsInThreads({ seed, count, progress }, workers)
const faults = Object.values(report.faults).reduce((total, more) => total + more, 0)
if (faults > 0) {
  writeFileSync(values.faults, `${JSON.stringify({ seed, count, workers, faults: kept }, null, 2)}\n`)
  for (const fault of kept)
    console.error(`${fault.kind} at ${fault.index} (${fault.request}): ${fault.what}\n${fault.minimised ?? ''}`)
  console.error(`${faults} faults; ${kept.length} are in ${values.faults}`)
  process.exitCode = 1
}
const seconds = Math.round((performance.now() - startedAt) / 100) / 10
const reached = { operations: operations.length, succeeded: succeeded.length }
console.log(JSON.stringify({ seed, workers, seconds, ...report, ...reached }))
