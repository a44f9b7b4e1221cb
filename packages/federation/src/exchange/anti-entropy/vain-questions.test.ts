import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode, type NodeOptions } from '../../../test/exchange-network.ts'
import { limits } from '../limits.ts'

async function room(t: TestContext, liar: NodeOptions) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const m = await network.add('m', liar)
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await m.join(roomId, [a])
  await network.settled()
  return { network, a, b, m, roomId }
}

/** Answers comparisons by naming these extremities, or refused leaves, for each room, and gives none of them. */
function naming(ids: () => readonly string[], as: 'differ' | 'refused' = 'differ'): NodeOptions {
  return {
    tamper: async ({ uri, content }, honest) => {
      if (uri.endsWith('/extremities')) {
        const rooms = Object.keys((content?.rooms ?? {}) as JsonObject)
        const differ = Object.fromEntries(rooms.map((hash) => [hash, []]))
        return { differ, [as]: Object.fromEntries(rooms.map((hash) => [hash, [...ids()]])) }
      }
      if (/event/.test(uri)) return { events: [], pdus: [] }
      return honest()
    },
  }
}

async function compare(network: ExchangeNetwork, from: ExchangeNode, to: ExchangeNode): Promise<number> {
  const before = network.requests.length
  await from.exchange.reconcile(to.name)
  await network.settled()
  return network.requests.length - before
}

test('a member that names a true event and withholds it keeps nobody else from giving it', async (t) => {
  const held: string[] = []
  const { network, a, b, m, roomId } = await room(
    t,
    naming(() => held),
  )
  network.gossip = false
  held.push(await a.rooms.message(roomId, a.user(), 'wanted'))
  for (let round = 0; round < 2 * limits.extremityAttempts; round++) await compare(network, b, m)
  assert.deepEqual(await b.rooms.bodies(roomId), [], 'twin: of the withholder alone it is not to be had')
  await compare(network, b, a)
  assert.deepEqual(await b.rooms.bodies(roomId), ['wanted'])
})

for (const [what, as, most] of [
  ['extremities', 'differ', limits.extremitiesPerRoom],
  ['refused leaves', 'refused', limits.refusedLeavesPerRoom],
] as const) {
  test(`bad input 53: a member that names ever new ${what} is asked ever more seldom`, async (t) => {
    let serial = 0
    const fresh = () => Array.from({ length: most }, () => `$${String(serial++).padStart(43, 'z')}`)
    const { network, b, m } = await room(t, naming(fresh, as))
    network.gossip = false
    const costs: number[] = []
    for (let round = 0; round < 40; round++) costs.push(await compare(network, b, m))
    const first = costs[0] ?? 0
    assert.ok(first > 5 && first <= limits.extremitiesAsked + 10, `the twin, one comparison: ${first} requests`)
    const busy = costs.filter((cost) => cost > 2).length
    assert.ok(busy <= 10, `${busy} of 40 comparisons asked on`)
  })
}

test('who brings something is believed again', async (t) => {
  let lies = true
  const options = naming(() => [`$${'z'.repeat(43)}`])
  const tamper: NodeOptions['tamper'] = (request, honest) =>
    lies ? (options.tamper?.(request, honest) ?? honest()) : honest()
  const { network, b, m, roomId } = await room(t, { tamper })
  network.gossip = false
  for (let round = 0; round < limits.extremityAttempts; round++) await compare(network, b, m)
  lies = false
  await m.rooms.message(roomId, m.user(), 'honest now')
  for (let round = 0; round < 4; round++) await compare(network, b, m)
  assert.deepEqual(await b.rooms.bodies(roomId), ['honest now'])
})
