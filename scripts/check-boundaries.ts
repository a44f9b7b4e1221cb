/**
 * Rule of the house (docs/ARCHITECTURE.md): imports between packages point one way, and only tests import testkit.
 * Fails with one line per import that breaks it.
 */
import { globSync, readFileSync } from 'node:fs'

/** package → the sibling packages that its sources may import. Tests and benches may import testkit as well. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  federation: ['protocol'],
  'matrix-api': ['protocol'],
  'element-host': ['protocol'],
  node: ['protocol', 'federation', 'matrix-api', 'element-host'],
  testkit: ['protocol', 'federation', 'matrix-api', 'element-host', 'node'],
}

/** The pure core may not reach for a clock, a socket or a disk. */
const PURE = 'protocol'

const broken = globSync('packages/*/{src,bench,test}/**/*.ts').flatMap(problemsOf)
for (const problem of broken) console.error(problem)
if (broken.length > 0) process.exitCode = 1

function problemsOf(file: string): string[] {
  const [, name = ''] = file.split('/')
  // Fixtures and folders named `testing` are support of tests: nothing that runs elsewhere imports them.
  const isTest = /\.(test|fixture)\.ts$|\/testing\//.test(file) || !file.includes('/src/')
  const allowed = ALLOWED[name]
  if (!allowed) return [`${file}: package "${name}" is not in scripts/check-boundaries.ts`]
  const problems: string[] = []
  for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
    const sibling = /^@starling\/([^/]+)(\/.*)?$/.exec(specifier)
    if (sibling) {
      const [, target = '', deep] = sibling
      if (deep) problems.push(`${file}: imports ${specifier}; a package is imported by its index only`)
      if (!allowed.includes(target) && !(isTest && target === 'testkit')) {
        problems.push(`${file}: ${name} may not import ${target}`)
      }
    } else if (
      /^(\.\.\/)+packages\/|^(\.\.\/)+(protocol|federation|matrix-api|element-host|node|testkit)\/src/.test(specifier)
    ) {
      problems.push(`${file}: reaches into a sibling by path (${specifier})`)
    } else if (name === PURE && !isTest && specifier.startsWith('node:')) {
      problems.push(`${file}: the pure core may not import ${specifier}`)
    }
  }
  return problems
}

function importsOf(source: string): string[] {
  return [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}
