#!/usr/bin/env node
// `npm start` and `npm test` on a fresh clone: installs what the lock file names (once per lock file), then runs the
// asked-for task with the Node 24 that the install brought, whatever the machine's own Node is (20 or later).
// Plain JavaScript without dependencies, because it runs before anything is installed.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PNPM = 'pnpm@10.34.9' // the newest line that runs on Node 20
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const stampFile = join(root, 'node_modules', '.installed')

/** What is run for each task, in order. `node` and the tools are those of `node_modules/.bin`. */
const CHECKS = [
  ['biome', 'ci', '--error-on-warnings', '.'],
  ['tsc', '-p', 'tsconfig.json'],
  ['node', 'scripts/check-boundaries.ts'],
]
const TASKS = {
  start: [['node', 'packages/node/src/main.ts', '...args']],
  starling: [['node', 'packages/node/src/main.ts', '...args']],
  check: CHECKS,
  format: [['biome', 'check', '--write', '.']],
  test: [...CHECKS, ['node', 'scripts/test.ts', '...args']],
  bench: [['node', 'packages/testkit/bench/run.ts', '...args']],
  sim: [['node', 'packages/testkit/src/sim/main.ts', '...args']],
  fuzz: [['node', 'packages/testkit/src/fuzz/fuzz.ts', '...args']],
  'fuzz-clients': [['node', 'packages/testkit/src/client-fuzz/fuzz-clients.ts', '...args']],
  chaos: [['node', 'packages/testkit/test/chaos/run.ts', '...args']],
}

const [task = '', ...args] = process.argv.slice(2)
if (!(task in TASKS)) fail(`unknown task "${task}"; known tasks: ${Object.keys(TASKS).join(', ')}`)
await install()
for (const step of TASKS[task]) {
  const [command, ...rest] = step.flatMap((word) => (word === '...args' ? args : [word]))
  await run(join(bin, command), rest)
}

async function install() {
  const stamp = installStamp()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  console.error('starling: installing dependencies (once per change of the lock file)…')
  await run('npx', ['--yes', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only'], ['ignore', 2, 2])
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

/** Runs to the end; passes on what ends us, and ends as the child ended. */
function run(command, rest, stdio = 'inherit') {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const child = spawn(command, rest, { cwd: root, env, shell: process.platform === 'win32', stdio })
  // A terminal's Ctrl-C reaches the child by itself: then we only wait for it.
  const ignore = () => undefined
  const forward = (signal) => child.kill(signal)
  process.on('SIGINT', ignore)
  process.on('SIGTERM', forward)
  return new Promise((resolve) => {
    child.once('error', (error) => fail(`could not run ${command}: ${error.message}`))
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore)
      process.off('SIGTERM', forward)
      if (code === 0) resolve()
      else process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
    })
  })
}

function fail(message) {
  console.error(`starling: ${message}`)
  process.exit(1)
}
