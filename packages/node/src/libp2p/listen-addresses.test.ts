import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { type Notes, openDatastore } from './datastore.ts'
import { claimListenAddresses, DEFAULT_LISTEN } from './listen-addresses.ts'

async function notes(): Promise<Notes> {
  return (await openDatastore(undefined)).notes
}

const portIn = (address: string | undefined) => Number(/\/tcp\/(\d+)/.exec(address ?? '')?.[1])

/** Occupies the default port, unless something else on this machine does already. */
async function occupyDefaultPort(): Promise<Disposable> {
  const server = createServer()
  server.on('error', (error: NodeJS.ErrnoException) => assert.equal(error.code, 'EADDRINUSE'))
  server.listen(portIn(DEFAULT_LISTEN[0]), '0.0.0.0')
  await Promise.race([once(server, 'listening'), once(server, 'error')])
  return { [Symbol.dispose]: () => void server.close() }
}

test('a default port that is in use gives way to a free one, the same on every family, which is remembered', async () => {
  using _occupied = await occupyDefaultPort()
  const kept = await notes()
  const first = await claimListenAddresses(undefined, kept)
  assert.equal(first.moved, true)
  const [port, ...others] = first.addresses.map(portIn)
  assert.ok(port !== undefined && port > 0)
  for (const other of others) assert.equal(other, port)
  assert.deepEqual(await claimListenAddresses(undefined, kept), first)
})

test('a remembered port that is in use by now gives way, too', async () => {
  using _occupied = await occupyDefaultPort()
  const kept = await notes()
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await kept.write('listen-port', port)
  const { addresses } = await claimListenAddresses(undefined, kept)
  assert.notEqual(portIn(addresses[0]), port)
  server.close()
})

test('an address that was asked for is taken as it is, or refused with the reason', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const claim = async (address: string) => claimListenAddresses([address], await notes())
  await assert.rejects(claim(`/ip4/127.0.0.1/tcp/${port}`), { code: 'bad-address', message: /in use/ })
  await assert.rejects(claim('/ip4/198.51.100.1/tcp/0'), { code: 'bad-address', message: /not an address of this/ })
  assert.deepEqual((await claim('/ip4/127.0.0.1/tcp/0')).addresses, ['/ip4/127.0.0.1/tcp/0'])
  server.close()
})
