import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Datastore, openDatastore } from './datastore.ts'

type Key = Parameters<Datastore['get']>[0]

/** All that a datastore reads of a key. */
const key = (path: string) => ({ toString: () => path }) as Key
const bytes = (text: string) => new TextEncoder().encode(text)
const read = async (datastore: Datastore | undefined, path: string) =>
  new TextDecoder().decode(await datastore?.get(key(path)))

async function directory(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'starling-datastore-')), 'libp2p')
}

test('what libp2p put is read at once and after reopening; what is not there is told as libp2p knows it', async () => {
  const path = await directory()
  {
    await using open = await openDatastore(path)
    await open.datastore?.put(key('/peers/a'), bytes('1'))
    await open.datastore?.put(key('/peers/a'), bytes('2'))
    assert.equal(await read(open.datastore, '/peers/a'), '2')
    await open.datastore?.delete(key('/peers/a'))
    await open.datastore?.put(key('/peers/b'), bytes('3'))
    await open.datastore?.put(key('/peers/empty'), bytes(''))
  }
  await using open = await openDatastore(path)
  assert.equal(await read(open.datastore, '/peers/b'), '3')
  assert.equal((await open.datastore?.get(key('/peers/empty')))?.length, 0)
  await assert.rejects(read(open.datastore, '/peers/a'), { name: 'NotFoundError' })
})

test('a read that comes after the end is refused, not thrown where nobody waits', async () => {
  const open = await openDatastore(await directory())
  await open.datastore?.put(key('/peers/a'), bytes('1'))
  await open[Symbol.asyncDispose]()
  const late = open.datastore?.get(key('/peers/a'))
  assert.ok(late instanceof Promise)
  await assert.rejects(late, { code: 'LEVEL_DATABASE_NOT_OPEN' })
})

test('notes outlive the process where there is a directory; one that cannot be read is as none', async () => {
  const path = await directory()
  {
    await using open = await openDatastore(path)
    await open.notes.write('addresses', { seen: ['/ip4/10.0.0.1/tcp/1'] })
    await open.datastore?.put(key('/starling/torn'), bytes('{"half'))
  }
  await using open = await openDatastore(path)
  assert.deepEqual(await open.notes.read('addresses'), { seen: ['/ip4/10.0.0.1/tcp/1'] })
  assert.equal(await open.notes.read('torn'), undefined)
  await using memory = await openDatastore(undefined)
  assert.equal(memory.datastore, undefined)
  assert.equal(await memory.notes.read('addresses'), undefined)
})
