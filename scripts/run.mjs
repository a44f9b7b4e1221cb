#!/usr/bin/env node
// `npm start` and `npm test` on a fresh clone: installs what the lock file names (once per lock file), then runs the
// asked-for task with the Node 24 that the install brought, whatever the machine's own Node is (20 or later).
// Plain JavaScript without dependencies, because it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PNPM = 'pnpm@10.34.9' // the newest line that runs on Node 20
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const stampFile = join(root, 'node_modules', '.installed')

/** What is run for each task. `node` and the tools are those of `node_modules/.bin`. */
const TASKS = {
  start: [['node', 'packages/node/src/main.ts', '...args']],
  check: [
    ['biome', 'ci', '--error-on-warnings', '.'],
    ['tsc', '-p', 'tsconfig.json'],
    ['node', 'scripts/check-boundaries.ts'],
  ],
  format: [['biome', 'check', '--write', '.']],
  test: ['check', ['node', 'scripts/test.ts', '...args']],
  bench: [['node', 'packages/testkit/bench/run.ts', '...args']],
}

const [task = '', ...args] = process.argv.slice(2)
if (!(task in TASKS)) fail(`unknown task "${task}"; known tasks: ${Object.keys(TASKS).join(', ')}`)
install()
runTask(task)

function runTask(name) {
  for (const step of TASKS[name]) {
    if (typeof step === 'string') {
      runTask(step)
      continue
    }
    const [command, ...rest] = step.flatMap((word) => (word === '...args' ? args : [word]))
    run(join(bin, command), rest)
  }
}

function install() {
  const stamp = installStamp()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  console.error('starling: installing dependencies (once per change of the lock file)…')
  run('npx', ['--yes', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only'], { quiet: true })
  writeFileSync(stampFile, stamp)
}

function installStamp() {
  const packages = join(root, 'packages')
  const manifests = readdirSync(packages).map((name) => join(packages, name, 'package.json'))
  const hash = createHash('sha256')
  for (const file of [join(root, 'package.json'), join(root, 'pnpm-lock.yaml'), ...manifests.filter(existsSync)]) {
    hash.update(readFileSync(file))
  }
  return hash.digest('hex')
}

function run(command, rest, { quiet = false } = {}) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const shell = process.platform === 'win32'
  const stdio = quiet ? ['ignore', 2, 2] : 'inherit'
  // The child gets Ctrl-C from the terminal itself; this parent only waits for how it ends.
  process.on('SIGINT', () => undefined)
  const result = spawnSync(command, rest, { cwd: root, env, shell, stdio })
  if (result.error) fail(`could not run ${command}: ${result.error.message}`)
  if (result.status !== 0) process.exit(result.status ?? 1)
}

function fail(message) {
  console.error(`starling: ${message}`)
  process.exit(1)
}
