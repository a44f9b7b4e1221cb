import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchOperation } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import { Database, StoreWriteError } from './database.ts'

const key = (text: string) => Buffer.from(text)
const put = (name: string, value: string): BatchOperation => ({
  type: 'put',
  key: key(name),
  value: Buffer.from(value),
})
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()

/** Holds every batch until told to let it through or to fail it. */
class GatedStore extends MemoryStore {
  readonly batches: { operations: readonly BatchOperation[]; go(error?: Error): void }[] = []

  override batch(operations: readonly BatchOperation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.batches.push({
        operations,
        go: (error) => (error ? reject(error) : void super.batch(operations).then(resolve, reject)),
      })
    })
  }

  async next(): Promise<{ operations: readonly BatchOperation[]; go(error?: Error): void }> {
    while (this.batches.length === 0) await new Promise((resolve) => setImmediate(resolve))
    return this.batches.shift() ?? assert.fail()
  }
}

test('what is submitted is read at once, and by readers only once it is durable', async () => {
  const store = new GatedStore()
  const database = new Database(store)
  const written = database.submit([put('a', '1'), put('b', '2')])
  assert.equal(text(await database.get(key('a'))), '1')
  assert.deepEqual((await database.getMany([key('b'), key('c'), key('a')])).map(text), ['2', undefined, '1'])
  assert.equal(await database.durable.get(key('a')), undefined)
  ;(await store.next()).go()
  await written
  assert.equal(text(await database.durable.get(key('a'))), '1')
})

test('batches that wait for a flush go down together, in order', async () => {
  const store = new GatedStore()
  const database = new Database(store)
  const order: string[] = []
  const first = database.submit([put('n', '1')]).then(() => order.push('first'))
  const flush = await store.next()
  const second = database.submit([put('n', '2')]).then(() => order.push('second'))
  const third = database.submit([put('n', '3'), { type: 'del', key: key('gone') }]).then(() => order.push('third'))
  flush.go()
  await first
  assert.equal(text(await database.get(key('n'))), '3', 'a later submission is not forgotten with an earlier flush')
  const group = await store.next()
  assert.equal(group.operations.length, 3)
  group.go()
  await Promise.all([second, third, database.flushed()])
  assert.deepEqual(order, ['first', 'second', 'third'])
  assert.equal(text(await store.get(key('n'))), '3')
})

test('bad input 81: a failed flush takes everything after it along, and nothing of it is seen again', async () => {
  const store = new GatedStore()
  const database = new Database(store)
  let told = 0
  database.onFailure(() => told++)
  const first = database.submit([put('a', '1')])
  const flush = await store.next()
  const second = database.submit([put('b', '2')])
  flush.go(new Error('no space left'))
  for (const lost of [first, second]) await assert.rejects(lost, StoreWriteError)
  assert.equal(told, 1)
  assert.equal(database.failures, 1)
  assert.deepEqual((await database.getMany([key('a'), key('b')])).map(text), [undefined, undefined])
  const later = database.submit([put('c', '3')])
  ;(await store.next()).go()
  await later
  assert.equal(text(await store.get(key('c'))), '3')
})
