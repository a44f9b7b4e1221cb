/**
 * `npm run chaos -- [--seed S] [--seconds N] [--nodes K] [--within MS] [--logs DIR]`: real nodes in network namespaces under faults. The
 * faults are the same for the same seed. Exits 1 where something was lost, the nodes differ, or took longer than `--within` (5,000).
 */
import { parseArgs } from 'node:util'
import { runChaos, summaryOf, whyNoNamespaces } from '@starling/testkit'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now()) },
    seconds: { type: 'string', default: '300' },
    nodes: { type: 'string', default: '5' },
    within: { type: 'string', default: '5000' },
    logs: { type: 'string' },
  },
})
const why = whyNoNamespaces()
if (why !== undefined) {
  console.error(`chaos: ${why}`)
  process.exit(1)
}
const report = await runChaos({
  seed: BigInt(values.seed),
  seconds: Number(values.seconds),
  nodes: Number(values.nodes),
  logDirectory: values.logs,
  log: (line) => console.log(line),
})
for (const line of report.wrong.slice(0, 20)) console.log(line)
console.log(summaryOf(report))
console.log(JSON.stringify(report))
const inTime = report.convergedAfterMs !== undefined && report.convergedAfterMs <= Number(values.within)
process.exit(report.wrong.length === 0 && inTime ? 0 : 1)
