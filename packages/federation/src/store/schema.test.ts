import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '@starling/testkit'
import { type Migration, migrate, SchemaError } from './schema.ts'

const key = Buffer.from([1, 1])
const step = (to: number, ran: number[]): Migration => ({
  to,
  what: `test step ${to}`,
  async run() {
    ran.push(to)
    return [{ type: 'put', key, value: Uint8Array.of(to) }]
  },
})

test('a new database begins at the newest version; an old one is taken there step by step, once', async () => {
  const store = new MemoryStore()
  const ran: number[] = []
  const steps = [step(3, ran), step(2, ran)]
  await migrate(store, 1, steps)
  assert.deepEqual(ran, [], 'nothing to migrate in an empty database')
  await migrate(store, 3, steps)
  assert.deepEqual(ran, [2, 3])
  assert.deepEqual([...((await store.get(key)) ?? [])], [3])
  await migrate(store, 3, steps)
  assert.deepEqual(ran, [2, 3])
})

test('a database of a newer program is refused, and so is a gap in the migrations', async () => {
  const store = new MemoryStore()
  await migrate(store, 5, [])
  await assert.rejects(migrate(store, 4, []), SchemaError)
  await assert.rejects(migrate(store, 7, [step(7, [])]), SchemaError)
})
