import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryStore } from '../testing/memory-store.ts'
import { FileUses } from './file-uses.ts'
import { MediaError } from './media-error.ts'
import { MediaFiles } from './media-files.ts'

async function* bytes(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

async function withFiles(run: (files: MediaFiles, uses: FileUses, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-files-'))
  const files = new MediaFiles(directory)
  await files.start()
  try {
    await run(files, new FileUses(new MemoryStore(), files), directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('a file stays as long as anybody needs it', () =>
  withFiles(async (files, uses) => {
    const { hash } = await files.receive(bytes('same'), 100)
    for (const user of ['local a', 'remote b']) await uses.keep(await files.receive(bytes('sa', 'me'), 100), user, [])
    assert.equal(await uses.release(hash, 'local a', []), false)
    assert.equal(await files.exists(hash), true)
    assert.equal(await uses.release(hash, 'remote b', []), true)
    assert.equal(await files.exists(hash), false)
  }))

test('a source that breaks leaves nothing, and a restart clears what a crash left', () =>
  withFiles(async (files, _uses, directory) => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half')
      throw new Error('cut off')
    }
    await assert.rejects(files.receive(broken(), 100), /cut off/)
    await assert.rejects(files.receive(bytes('12345', '67890'), 9), (error) => error instanceof MediaError)
    assert.deepEqual(await readdir(join(directory, 'incoming')), [])
    await files.receive(bytes('never kept'), 100)
    assert.equal(await files.incoming(), 1)
    await new MediaFiles(directory).start()
    assert.equal(await files.incoming(), 0)
  }))
