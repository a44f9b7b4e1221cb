import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadVectors, VECTOR_FILES } from './load-vectors.ts'

const AT_LEAST: Readonly<Record<(typeof VECTOR_FILES)[number], number>> = {
  'auth-rules.json': 200,
  'base64.json': 10,
  'canonical-json.json': 50,
  'event-hashes.json': 60,
  'identifiers.json': 50,
  'json-signing.json': 8,
  'redaction.json': 120,
  'state-resolution.json': 60,
}

test('there are at least 250 vectors, of every kind, each with a name of its own', () => {
  let count = 0
  for (const file of VECTOR_FILES) {
    const { cases } = loadVectors(file)
    assert.ok(cases.length >= AT_LEAST[file], `${file} has only ${cases.length}`)
    count += cases.length
  }
  console.log(`${count} vectors in ${VECTOR_FILES.length} files`)
  assert.ok(count >= 250)
})
