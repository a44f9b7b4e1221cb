import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { preSharedKey } from '@libp2p/pnet'
import { preSharedKeyProtector } from './protector.ts'
import { echo, openProtectedNode } from './testing/protected-node.ts'

const KEY = new Uint8Array(randomBytes(32))

/** The key in the file format that `@libp2p/pnet` takes. */
const asSwarmKey = (key: Uint8Array) =>
  new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${Buffer.from(key).toString('hex')}`)

test('GOTCHAS 1: messages of 8 MiB go over a pre-shared key, again and again, several at once', async () => {
  await using a = await openProtectedNode(preSharedKeyProtector(KEY))
  await using b = await openProtectedNode(preSharedKeyProtector(KEY))
  for (let round = 0; round < 3; round++) {
    const messages = [0, 1, 2].map(() => randomBytes(8 * 1024 * 1024))
    const answers = await Promise.all(messages.map((message) => echo(a, b, message)))
    for (const [index, message] of messages.entries()) assert.ok(message.equals(answers[index] ?? new Uint8Array()))
  }
})

test('GOTCHAS 1: it is the key of the libp2p specification: @libp2p/pnet understands it', async () => {
  await using ours = await openProtectedNode(preSharedKeyProtector(KEY))
  await using theirs = await openProtectedNode(preSharedKey({ psk: asSwarmKey(KEY) }))
  for (const size of [1, 63, 64, 65, 65_535, 65_537, 200_000]) {
    const message = randomBytes(size)
    assert.ok(message.equals(await echo(ours, theirs, message)))
    assert.ok(message.equals(await echo(theirs, ours, message)))
  }
})

test('GOTCHAS 1, twin: @libp2p/pnet dies of one large write', () => {
  const script = fileURLToPath(new URL('./testing/pnet-large-write.fixture.ts', import.meta.url))
  const { status, signal } = spawnSync(process.execPath, [script, 'pnet'], { encoding: 'utf8', timeout: 60_000 })
  assert.ok(status !== 0 || signal !== null)
  const ours = spawnSync(process.execPath, [script, 'ours'], { encoding: 'utf8', timeout: 60_000 })
  assert.equal(ours.status, 0, ours.stderr)
})

test('another key, or none, gets no connection in either direction', async () => {
  await using insider = await openProtectedNode(preSharedKeyProtector(KEY))
  await using other = await openProtectedNode(preSharedKeyProtector(new Uint8Array(randomBytes(32))))
  await using none = await openProtectedNode(undefined)
  for (const outsider of [other, none]) {
    const options = { signal: AbortSignal.timeout(3000) }
    await assert.rejects(outsider.dial(insider.getMultiaddrs(), options))
    await assert.rejects(insider.dial(outsider.getMultiaddrs(), options))
  }
  assert.equal(insider.getConnections().length, 0)
})
