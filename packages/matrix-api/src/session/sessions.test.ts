import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { BatchOperation, UserId } from '@starling/protocol'
import { MemoryStore } from '../testing/memory-store.ts'
import { ManualClock } from '../testing/test-api.ts'
import { Sessions } from './sessions.ts'

const USER = '@p2p:here.test' as UserId
const SEEN = { ip: '127.0.0.1', userAgent: undefined }

/** A store whose next read or write can be held back. */
class HeldStore extends MemoryStore {
  hold: { readonly on: 'get' | 'batch'; readonly until: Promise<void>; readonly reached: () => void } | undefined

  override async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await super.get(key)
    await this.#pause('get')
    return value
  }

  override async batch(operations: readonly BatchOperation[]): Promise<void> {
    await this.#pause('batch')
    await super.batch(operations)
  }

  /** Returns once the next such call stands still, with the way to let it go on. */
  pauseNext(on: 'get' | 'batch'): { readonly reached: Promise<void>; readonly release: () => void } {
    const reached = Promise.withResolvers<void>()
    const until = Promise.withResolvers<void>()
    this.hold = { on, until: until.promise, reached: reached.resolve }
    return { reached: reached.promise, release: until.resolve }
  }

  async #pause(on: 'get' | 'batch'): Promise<void> {
    const { hold } = this
    if (hold?.on !== on) return
    this.hold = undefined
    hold.reached()
    await hold.until
  }
}

function make() {
  const store = new HeldStore()
  const clock = new ManualClock()
  return { store, clock, sessions: new Sessions({ store, clock, randomBytes }) }
}

test('a check that read the token before its revocation does not bring it back', async () => {
  const { store, sessions } = make()
  const { accessToken } = await sessions.create(USER, 'D')
  const read = store.pauseNext('get')
  const early = sessions.check(accessToken, SEEN)
  await read.reached
  await sessions.revokeDevice(USER, 'D')
  read.release()
  await early
  assert.deepEqual(await sessions.check(accessToken, SEEN), { kind: 'unknown' })
})

test('a check while the revocation is being written does not keep the token alive after it', async () => {
  const { store, sessions } = make()
  const { accessToken } = await sessions.create(USER, 'D')
  const write = store.pauseNext('batch')
  const revoked = sessions.revokeDevice(USER, 'D')
  await write.reached
  await sessions.check(accessToken, SEEN)
  write.release()
  await revoked
  assert.deepEqual(await sessions.check(accessToken, SEEN), { kind: 'unknown' })
})

test('two refreshes at once: the later pair counts', async () => {
  const { sessions } = make()
  const { refreshToken = '' } = await sessions.create(USER, 'D', { refreshable: true })
  const [first, second] = await Promise.all([sessions.refresh(refreshToken), sessions.refresh(refreshToken)])
  assert.equal((await sessions.check(first?.accessToken ?? '', SEEN)).kind, 'unknown')
  assert.equal((await sessions.check(second?.accessToken ?? '', SEEN)).kind, 'valid')
  assert.equal(await sessions.refresh(refreshToken), undefined)
})

test('when a device was last seen is written once a minute', async () => {
  const { sessions, clock } = make()
  const { accessToken } = await sessions.create(USER, 'D')
  await sessions.check(accessToken, { ip: '192.0.2.1', userAgent: undefined })
  await sessions.check(accessToken, { ip: '192.0.2.2', userAgent: undefined })
  assert.equal((await sessions.lastSeen.get(USER, 'D'))?.ip, '192.0.2.1')
  clock.advance(60_000)
  await sessions.check(accessToken, { ip: '192.0.2.3', userAgent: undefined })
  assert.equal((await sessions.lastSeen.get(USER, 'D'))?.ip, '192.0.2.3')
  assert.deepEqual(await sessions.devicesOf(USER), ['D'])
})
