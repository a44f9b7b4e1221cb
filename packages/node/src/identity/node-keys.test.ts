import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { randomBytes } from '../crypto/sodium-crypto.ts'
import { dataDirectory } from '../store/data-directory.ts'
import { IdentityError } from './identity-error.ts'
import { writeKeyFile } from './key-file.ts'
import { loadNodeKeys } from './node-keys.ts'

async function freshDirectory() {
  return dataDirectory(await mkdtemp(join(tmpdir(), 'starling-keys-')))
}

test('keys are made once, in files that only their owner can read, and stay the same', async () => {
  const directory = await freshDirectory()
  const first = await loadNodeKeys(directory, randomBytes)
  await mkdir(directory.database)
  assert.deepEqual(await loadNodeKeys(directory, randomBytes), first)
  assert.notDeepEqual(first.identity, first.transport)
  assert.equal((await stat(directory.identityKey)).mode & 0o777, 0o600)
})

test('bad input 82: a missing identity key where data exist stops the node, and no key is made', async () => {
  const directory = await freshDirectory()
  await loadNodeKeys(directory, randomBytes)
  await mkdir(directory.database)
  await rm(directory.identityKey)
  const isMissing = (error: unknown) => error instanceof IdentityError && error.code === 'missing'
  await assert.rejects(loadNodeKeys(directory, randomBytes), isMissing)
  await assert.rejects(stat(directory.identityKey), { code: 'ENOENT' })
  // The twin: in a directory that was never used a missing key is simply the first start.
  await rm(directory.database, { recursive: true })
  await loadNodeKeys(directory, randomBytes)
  assert((await stat(directory.identityKey)).isFile())
})

test('a damaged key file is named, not replaced', async () => {
  const directory = await freshDirectory()
  await loadNodeKeys(directory, randomBytes)
  await writeFile(directory.identityKey, 'starling identity ed25519 tooshort\n')
  await assert.rejects(loadNodeKeys(directory, randomBytes), /identity\.key does not hold/)
  assert.match(await readFile(directory.identityKey, 'utf8'), /tooshort/)
})

test('a key file that exists is never overwritten', async () => {
  const directory = await freshDirectory()
  const { identity } = await loadNodeKeys(directory, randomBytes)
  await assert.rejects(writeKeyFile(directory.identityKey, 'identity', randomBytes(32)), { code: 'exists' })
  assert.deepEqual((await loadNodeKeys(directory, randomBytes)).identity, identity)
})
