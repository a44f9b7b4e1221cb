import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { endSilentConnections } from './silent-connections.ts'
import { SILENT } from './testing/loopback-hosts.ts'

/** A connection whose other end refuses the question, or is silent. */
class FakeConnection {
  status = 'open'
  readonly remotePeer = { toString: () => 'peer' }
  streams: { readonly protocol: string }[] = []
  silent = false
  asked = 0

  newStream(): Promise<never> {
    this.asked++
    return this.silent ? new Promise(() => undefined) : Promise.reject(new Error('unsupported protocol'))
  }

  abort(): void {
    this.status = 'aborted'
  }
}

function watch(t: TestContext, needed: boolean) {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_000_000 })
  const connection = new FakeConnection()
  const monitor = endSilentConnections({
    connections: () => [connection as unknown as Connection],
    isNeeded: () => needed,
    log: SILENT,
  })
  t.after(() => monitor.stop())
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      t.mock.timers.tick(1000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { connection, pass }
}

test('bad input 71: a node that falls silent is given up within 8 s; one that answers is kept', async (t) => {
  const { connection, pass } = watch(t, true)
  await pass(60)
  assert.equal(connection.status, 'open')
  assert.ok(connection.asked >= 19)
  connection.silent = true
  await pass(8)
  assert.equal(connection.status, 'aborted')
})

test('a stranger, and who is being sent a file, is given more time', async (t) => {
  for (const needed of [false, true]) {
    await t.test(needed ? 'file' : 'stranger', async (sub) => {
      const { connection, pass } = watch(sub, needed)
      if (needed) connection.streams = [{ protocol: '/starling/media/1' }]
      await pass(2)
      connection.silent = true
      await pass(12)
      assert.equal(connection.status, 'open')
      await pass(25)
      assert.equal(connection.status, 'aborted')
    })
  }
})

test('a process that was itself stopped does not take the others for dead', async (t) => {
  const { connection, pass } = watch(t, true)
  connection.silent = true
  await pass(3)
  // One tick after a long stop, as SIGCONT brings it; the answer comes right behind.
  t.mock.timers.setTime(Date.now() + 60_000)
  await pass(1)
  assert.equal(connection.status, 'open')
})
