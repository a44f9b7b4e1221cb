/**
 * `npm run bench [-- --only NAME,NAME] [--print-only]`: measures the floor and this node side by side in one run, prints a table of ratios and
 * appends it to `outcomes/<date>.txt`. Nothing else should be busy on the machine.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { clientRows } from './client-rows.ts'
import { engineRows } from './engine-rows.ts'
import { joinRows } from './join-rows.ts'
import { coldStartRows, memoryRows } from './large-store-rows.ts'
import { localRows } from './local-rows.ts'
import { processRows } from './process-rows.ts'
import { resolutionRows } from './resolution-rows.ts'
import { appendOutcome, formatTable, type Row } from './table.ts'
import { twoNodeRows } from './two-node-rows.ts'

/** Groups of rows by the name that `--only` takes, in the order of the table. */
const GROUPS: Readonly<Record<string, () => Promise<Row[]>>> = {
  local: localRows,
  client: clientRows,
  'two-nodes': twoNodeRows,
  process: processRows,
  engine: engineRows,
  resolution: resolutionRows,
  join: () => joinRows(),
  memory: memoryRows,
  'cold-start': coldStartRows,
}

const { values } = parseArgs({ options: { only: { type: 'string' }, 'print-only': { type: 'boolean' } } })
const names = values.only?.split(',') ?? Object.keys(GROUPS)
const unknown = names.filter((name) => !(name in GROUPS))
if (unknown.length > 0) {
  console.error(`no such group: ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}`)
  process.exit(2)
}
const rows: Row[] = []
for (const name of names) rows.push(...((await GROUPS[name]?.()) ?? []))
console.log(formatTable(rows))

if (values['print-only']) process.exit(0)
const day = new Date().toISOString().slice(0, 10)
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
appendOutcome(fileURLToPath(import.meta.resolve(`./outcomes/${day}.txt`)), rows, commit)
process.exit(0)
