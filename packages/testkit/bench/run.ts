/**
 * `npm run bench`: measures the floor and this node side by side in one run, prints a table of ratios and appends it to
 * `outcomes/<date>.txt`. Nothing else should be busy on the machine.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { localRows } from './local-rows.ts'
import { processRows } from './process-rows.ts'
import { appendOutcome, formatTable, type Row } from './table.ts'
import { twoNodeRows } from './two-node-rows.ts'

const rows: Row[] = []
for (const part of [localRows, twoNodeRows, processRows]) rows.push(...(await part()))
console.log(formatTable(rows))

const day = new Date().toISOString().slice(0, 10)
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
appendOutcome(fileURLToPath(import.meta.resolve(`./outcomes/${day}.txt`)), rows, commit)
process.exit(0)
