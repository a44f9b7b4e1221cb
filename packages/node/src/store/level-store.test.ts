import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LevelStore } from './level-store.ts'
import type { StoreError } from './store-error.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value)
const put = (key: string, value: string) => ({ type: 'put' as const, key: bytes(key), value: bytes(value) })

async function directory(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'starling-level-')), 'database')
}

test('what a batch resolved for is there after reopening', async () => {
  const path = await directory()
  {
    await using store = await LevelStore.open(path)
    await store.batch([put('a', '1'), put('b', '2')])
    await store.batch([{ type: 'del', key: bytes('a') }])
  }
  await using store = await LevelStore.open(path)
  assert.equal(await store.get(bytes('a')), undefined)
  assert.equal(text(await store.get(bytes('b'))), '2')
})

test('batches submitted together are applied in the order of submission', async () => {
  await using store = await LevelStore.open(await directory())
  await Promise.all(
    Array.from({ length: 500 }, (_, n) => store.batch([put('counter', String(n)), put(`row${n}`, 'x')])),
  )
  assert.equal(text(await store.get(bytes('counter'))), '499')
  let rows = 0
  for await (const [key] of store.entries({ gte: bytes('row'), lt: bytes('rox') })) rows += key.length > 0 ? 1 : 0
  assert.equal(rows, 500)
})

test('few and many rows read at once come in the order asked, with gaps', async () => {
  await using store = await LevelStore.open(await directory())
  await store.batch(Array.from({ length: 50 }, (_, n) => put(`row${n * 2}`, String(n * 2))))
  for (const count of [3, 60]) {
    const numbers = Array.from({ length: count }, (_, index) => (index * 7) % 100)
    const values = await store.getMany(numbers.map((n) => bytes(`row${n}`)))
    assert.deepEqual(
      values.map(text),
      numbers.map((n) => (n % 2 === 0 ? String(n) : undefined)),
    )
  }
})

test('a read after closing is refused', async () => {
  const store = await LevelStore.open(await directory())
  await store.close()
  await assert.rejects(store.get(bytes('a')), { code: 'LEVEL_DATABASE_NOT_OPEN' })
  await assert.rejects(store.getMany([bytes('a')]), { code: 'LEVEL_DATABASE_NOT_OPEN' })
})

test('closing waits for writes under way and refuses later ones', async () => {
  const path = await directory()
  const store = await LevelStore.open(path)
  const written = store.batch([put('last', 'word')])
  await store.close()
  await written
  await assert.rejects(store.batch([put('too', 'late')]), (error: StoreError) => error.code === 'closed')
  await using again = await LevelStore.open(path)
  assert.equal(text(await again.get(bytes('last'))), 'word')
})

test('bad input 80: a second process on one directory is told who holds it', async () => {
  const path = await directory()
  await using _store = await LevelStore.open(path)
  const script = `
    const { LevelStore } = await import(${JSON.stringify(import.meta.resolve('./level-store.ts'))})
    await LevelStore.open(${JSON.stringify(path)}).then(() => console.log('opened'), (error) => console.log(error.code))
  `
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(stdout.trim(), 'in-use')
})

test('bad input 81: after a failed write nothing more is acknowledged', async () => {
  const store = await LevelStore.open(await directory())
  const unwritable = { type: 'put' as const, key: undefined as unknown as Uint8Array, value: bytes('x') }
  const [failed, queued] = await Promise.allSettled([store.batch([unwritable]), store.batch([put('b', '2')])])
  assert.equal(failed.status, 'rejected')
  assert.equal(queued.status, 'rejected')
  await assert.rejects(store.batch([put('c', '3')]), (error: StoreError) => error.code === 'write-failed')
  await store.close()
})
