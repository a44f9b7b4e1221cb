import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { OPERATIONS_FILE, operationsTable } from './operations-table.ts'

test('docs/OPERATIONS.md says what the contract shows', () => {
  assert.equal(readFileSync(OPERATIONS_FILE, 'utf8'), operationsTable())
})
