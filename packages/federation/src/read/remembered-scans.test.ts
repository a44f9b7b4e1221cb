import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '@starling/testkit'
import { Database } from '../store/database.ts'
import { RememberedScans } from './remembered-scans.ts'

const BUCKET = 7
const row = (bucket: number, name: string) => ({
  type: 'put' as const,
  key: Buffer.from([bucket, ...Buffer.from(name)]),
  value: Buffer.from(name),
})

function counted(database: Database) {
  let scans = 0
  const read = async (): Promise<readonly string[]> => {
    scans++
    const names: string[] = []
    for await (const [, value] of database.durable.entries({
      gte: Buffer.from([BUCKET]),
      lt: Buffer.from([BUCKET + 1]),
    })) {
      names.push(Buffer.from(value).toString())
    }
    return names
  }
  return { scans: () => scans, remembered: new RememberedScans<string, string>(database, BUCKET, read) }
}

test('a scan is made once, and again only after its own bucket was written', async () => {
  const database = new Database(new MemoryStore())
  const { scans, remembered } = counted(database)
  await database.submit([row(BUCKET, 'a')])
  assert.deepEqual(await remembered.get('key'), ['a'])
  await database.submit([row(BUCKET + 1, 'elsewhere')])
  assert.deepEqual(await remembered.get('key'), ['a'])
  assert.equal(scans(), 1)
  await database.submit([row(BUCKET, 'b')])
  assert.deepEqual(await remembered.get('key'), ['a', 'b'])
  assert.equal(scans(), 2)
})

test('who hears that a write is durable reads it, also where a scan was under way meanwhile', async () => {
  const database = new Database(new MemoryStore())
  const { remembered } = counted(database)
  for (let n = 0; n < 50; n++) {
    const name = String(n).padStart(2, '0')
    const during = remembered.get('key')
    await database.submit([row(BUCKET, name)])
    const after = await remembered.get('key')
    assert.equal(after.at(-1), name)
    assert.ok((await during).length >= n)
  }
})
