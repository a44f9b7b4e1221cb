import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'

const FLAGS = [...PRIVATE_FLAGS, '--p2p-listen', '/ip4/127.0.0.1/tcp/0', '--mdns', 'off']

test('what was compiled is kept in the data directory, which is the owner alone, and does not change a restart', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'starling-compiled-'))
  const dataDir = join(parent, 'data')
  try {
    await using node = await StarlingProcess.start({ dataDir, flags: FLAGS })
    const { server_name } = node.info
    assert.equal(await node.stop(), 0)
    assert.equal((await stat(dataDir)).mode & 0o777, 0o700)
    const [version] = await readdir(join(dataDir, 'compiled'))
    assert.ok(version, 'a folder for this version of Node')
    assert.notEqual((await readdir(join(dataDir, 'compiled', version))).length, 0)
    await node.start()
    assert.equal(node.info.server_name, server_name)
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
})
