import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { PeerId } from '@starling/federation'
import { ConnectionKeeper } from './connection-keeper.ts'
import { openDatastore } from './datastore.ts'
import { SILENT } from './testing/loopback-hosts.ts'

const ADDRESS = '/ip4/10.0.0.1/tcp/4009'
const NOW = Date.parse('2026-01-01')
const HIGH = 'zzz' as PeerId
const LOW = 'aaa' as PeerId

/** A keeper under the name `mmm` on mocked timers; its dials fail until `reachable`. */
async function withKeeper(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'], now: NOW })
  const { notes } = await openDatastore(undefined)
  const dials: { peer: PeerId; at: number }[] = []
  const connected = new Set<PeerId>()
  const world = { reachable: false }
  const open = () =>
    new ConnectionKeeper({
      self: 'mmm' as PeerId,
      isConnected: (peer) => connected.has(peer),
      async dial(peer) {
        dials.push({ peer, at: Date.now() })
        if (!world.reachable) throw new Error('nobody there')
        connected.add(peer)
      },
      notes,
      clock: { now: () => Date.now() },
      log: SILENT,
    })
  /** Lets so many seconds pass, and what was awaited happen in between. */
  const pass = async (seconds: number) => {
    for (let step = 0; step < seconds * 2; step++) {
      t.mock.timers.tick(500)
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    }
  }
  return { keeper: open(), open, dials, connected, world, pass }
}

test('GOTCHAS 3: of two that see each other the lower one dials at once, the higher one lets it', async (t) => {
  const { keeper, dials, pass } = await withKeeper(t)
  keeper.start()
  keeper.sighted(HIGH, [ADDRESS])
  keeper.sighted(LOW, [ADDRESS])
  await pass(1)
  assert.deepEqual(
    dials.map(({ peer }) => peer),
    [HIGH],
  )
  await pass(1)
  assert.deepEqual(
    dials.map(({ peer }) => peer),
    [HIGH, LOW],
  )
  await keeper.stop()
})

test('GOTCHAS 6: a peer that is sighted again is dialled again, known or not; one that is connected is not', async (t) => {
  const { keeper, dials, connected, world, pass } = await withKeeper(t)
  keeper.start()
  for (let sighting = 1; sighting <= 8; sighting++) {
    keeper.sighted(HIGH, [ADDRESS])
    await pass(1)
    assert.equal(dials.length, sighting)
  }
  world.reachable = true
  keeper.sighted(HIGH, [ADDRESS])
  await pass(60)
  assert.equal(dials.length, 9)
  assert.ok(connected.has(HIGH))
  await keeper.stop()
})

test('GOTCHAS 6: a lost peer is redialled for ever, every second at first, then the more seldom the longer it is away', async (t) => {
  const { keeper, dials, pass } = await withKeeper(t)
  keeper.start()
  keeper.met(HIGH, [ADDRESS])
  keeper.lost(HIGH)
  await pass(3600)
  const gaps = dials.slice(1).map(({ at }, index) => at - (dials[index]?.at ?? 0))
  assert.equal((dials[0]?.at ?? 0) - NOW, 1000)
  assert.deepEqual(new Set(gaps.slice(0, 5)), new Set([1000]))
  const within = (fromS: number, toS: number) =>
    dials.filter(({ at }) => at - NOW >= fromS * 1000 && at - NOW < toS * 1000).length
  assert.ok(within(0, 20) >= 15)
  assert.ok(within(600, 660) <= 2, 'after ten minutes every 40 s or so')
  assert.ok(within(3000, 3600) >= 2, 'after an hour still')
  await keeper.stop()
})

test('GOTCHAS 6: a peer that was never met is dialled after 5 s, then at longer and longer intervals up to 5 min', async (t) => {
  const { keeper, dials, pass } = await withKeeper(t)
  keeper.keep(HIGH, [ADDRESS])
  keeper.start()
  await pass(3600)
  const gaps = dials.slice(1).map(({ at }, index) => Math.round((at - (dials[index]?.at ?? 0)) / 1000))
  assert.deepEqual(gaps.slice(1, 7), [20, 40, 80, 160, 300, 300])
  await keeper.stop()
})

test('GOTCHAS 6: the peers of the last run are dialled at the next start', async (t) => {
  const { keeper, open, dials, pass } = await withKeeper(t)
  keeper.start()
  keeper.met(HIGH, [ADDRESS])
  await keeper.stop()
  const next = open()
  assert.deepEqual(await next.load(), [ADDRESS])
  next.start()
  await pass(1)
  assert.deepEqual(
    dials.map(({ peer }) => peer),
    [HIGH],
  )
  await next.stop()
})

test('a peer that was let go on purpose is left alone until it comes by itself', async (t) => {
  const { keeper, dials, pass } = await withKeeper(t)
  keeper.start()
  keeper.met(HIGH, [ADDRESS])
  keeper.release(HIGH)
  keeper.lost(HIGH)
  keeper.sighted(HIGH, [ADDRESS])
  await pass(600)
  assert.equal(dials.length, 0)
  keeper.met(HIGH, [])
  keeper.lost(HIGH)
  await pass(1)
  assert.equal(dials.length, 1)
  await keeper.stop()
})

test('a flood of sighted peers pushes out the least known, never those of the configuration', async (t) => {
  const { keeper, dials, world, pass } = await withKeeper(t)
  world.reachable = false
  keeper.keep('fixed' as PeerId, [ADDRESS])
  for (let index = 0; index < 2000; index++) keeper.sighted(`zflood${index}` as PeerId, [ADDRESS])
  keeper.start()
  await pass(120)
  assert.ok(dials.some(({ peer }) => peer === 'fixed'))
  assert.ok(new Set(dials.map(({ peer }) => peer)).size <= 500)
  await keeper.stop()
})

test('after a sleep of hours every known peer is dialled at once, whatever pauses it had before', async (t) => {
  const { keeper, dials, world, pass } = await withKeeper(t)
  keeper.start()
  keeper.met(LOW, [ADDRESS])
  keeper.lost(LOW)
  await pass(120)
  const tried = dials.length
  // Its pauses have grown to a minute and more by now; a few seconds bring no dial.
  await pass(4)
  const quiet = dials.length
  assert.ok(quiet - tried <= 1, 'twin: awake, the pause is kept')
  world.reachable = true
  t.mock.timers.setTime(Date.now() + 8 * 3600_000)
  const woken = dials.length
  await pass(3)
  assert.ok(dials.length > woken, 'dialled within moments of waking')
  await keeper.stop()
})
