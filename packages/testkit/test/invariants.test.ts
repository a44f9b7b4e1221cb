import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const PACKAGES = new URL('../../', import.meta.url)

interface Row {
  readonly guarantee: string
  readonly enforcedBy: readonly string[]
  readonly tests: readonly (readonly [file: string, name: string])[]
}

/** Rows of the tables of docs/INVARIANTS.md: three cells, the paths in backquotes, a file's test names after it in quotes. */
function rowsOf(markdown: string): Row[] {
  return markdown.split('\n').flatMap((line) => {
    const [, guarantee = '', enforcedBy = '', heldBy = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    if (!line.startsWith('|') || guarantee === 'guarantee' || guarantee.startsWith('---')) return []
    let file = ''
    const tests: [string, string][] = []
    for (const [, path, name] of heldBy.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
      if (path !== undefined) file = path
      else if (name !== undefined) tests.push([file, name])
    }
    return [{ guarantee, enforcedBy: [...enforcedBy.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path), tests }]
  })
}

const urlOf = (path: string) => new URL(path.replace(/^F\//, 'federation/src/'), PACKAGES)

test('every invariant names a file that is there and a test that stands in it', () => {
  const rows = rowsOf(readFileSync(new URL('../docs/INVARIANTS.md', PACKAGES), 'utf8'))
  assert.ok(rows.length > 50, `${rows.length} rows`)
  for (const { guarantee, enforcedBy, tests } of rows) {
    assert.ok(enforcedBy.length > 0 && tests.length > 0, guarantee)
    for (const path of enforcedBy) assert.ok(existsSync(urlOf(path)), path)
    for (const [file, name] of tests) {
      const source = readFileSync(urlOf(file), 'utf8')
      const isThere = source.split('\n').some((line) => /\btest\(/.test(line) && line.includes(name))
      assert.ok(isThere, `${file} has no test "${name}"`)
    }
  }
})
