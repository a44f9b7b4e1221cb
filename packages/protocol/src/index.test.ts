import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { signerOf, userId } from './testing/room-builder.ts'
import { sodiumCrypto } from './testing/sodium-crypto.ts'

test('the example at the head of index.ts runs', async (t) => {
  const index = new URL('./index.ts', import.meta.url)
  const example = /```ts\n([\s\S]*?)```/.exec(await readFile(index, 'utf8'))?.[1]?.replace(/^ \* ?/gm, '')
  assert.ok(example)
  const directory = await mkdtemp(join(tmpdir(), 'starling-example-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'example.ts')
  await writeFile(file, `${example.replaceAll('@starling/protocol', index.href)}\nexport { example }\n`)
  const module: unknown = await import(pathToFileURL(file).href)
  const { example: run } = module as { example: (...args: unknown[]) => boolean }
  assert.equal(run(sodiumCrypto, signerOf(userId('p2p')), 1_700_000_000_000), true)
})
