/**
 * Runs every test with Node's own runner, whose summary closes the output. Arguments narrow it: file paths or globs, or
 * flags of `node --test`. Tests that need what a machine lacks (root and `ip`, Chromium, the spec's data) say so themselves.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

/** Real processes in namespaces and browsers; slower, and one at a time so that they do not starve each other. */
const SLOW = 'packages/testkit/test/**/*.test.ts'
const FAST = ['packages/*/src/**/*.test.ts', 'packages/matrix-api/test/**/*.test.ts']

const given = process.argv.slice(2)
const flags = given.filter((word) => word.startsWith('--'))
const patterns = given.filter((word) => !word.startsWith('--'))
const files = globSync(patterns.length > 0 ? patterns : [...FAST, SLOW]).sort()
if (files.length === 0) {
  console.error(`no test files match ${patterns.join(' ')}`)
  process.exit(1)
}
const result = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-timeout=300000', '--test-reporter=spec', ...flags, ...files],
  { stdio: 'inherit' },
)
process.exit(result.status ?? 1)
