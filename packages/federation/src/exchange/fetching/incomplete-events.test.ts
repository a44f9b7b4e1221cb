import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode, type WireRequest } from '../../../test/exchange-network.ts'
import { limits } from '../limits.ts'

/** Changes the text of every message that the server gives out; signatures and ids stay what they are. */
async function spoil(_: WireRequest, honest: () => Promise<JsonObject>): Promise<JsonObject> {
  return JSON.parse(JSON.stringify(await honest()).replaceAll('"body":"', '"body":"spoilt ')) as JsonObject
}

/** a is the author, c the one who was away, and b the member that c meets first and that spoils what it passes on. */
async function setUp(t: TestContext) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b', { tamper: spoil })
  const c = await network.add('c')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await c.join(roomId, [a])
  await network.settled()
  network.isolate(c)
  const eventId = await a.rooms.message(roomId, a.user(), 'the truth')
  await network.settled()
  return { network, a, b, c, roomId, eventId }
}

async function bodyAt(node: ExchangeNode, eventId: EventId): Promise<unknown> {
  return (await node.rooms.pdu(eventId)).content.body
}

test('content that one member spoilt is had from the next one that is met', async (t) => {
  const { network, a, b, c, eventId } = await setUp(t)
  await network.join(c, b)
  assert.equal(await bodyAt(c, eventId), undefined, 'twin: from the one alone only the redacted form is to be had')
  await network.join(c, a)
  assert.equal(await bodyAt(c, eventId), 'the truth')
})

test('which members give it whole is asked of each once, and ends', async (t) => {
  const { network, b, c, eventId } = await setUp(t)
  await network.join(c, b)
  const asks = () => network.requests.filter(({ from, uri }) => from === 'c' && uri.includes('/v1/event/')).length
  const before = asks()
  for (let round = 0; round < 5; round++) await network.join(c, b)
  assert.equal(asks(), before, 'b has had its turn')
  assert.equal(await bodyAt(c, eventId), undefined)
})

test('a redaction that applies is not undone by whoever still has the event whole', async (t) => {
  const { network, a, b, c, roomId, eventId } = await setUp(t)
  await network.join(c, b)
  network.gossip = false
  const redaction = await a.engine.send({
    ...{ roomId, sender: a.user(), type: 'm.room.redaction', content: {}, redacts: eventId },
  })
  await c.hear((await a.rooms.pdu(redaction)).json, roomId, b.name)
  await network.join(c, a)
  assert.equal(await bodyAt(c, eventId), undefined)
})

test('a spoilt copy in a transaction is replaced before it is stored where another member has it whole', async (t) => {
  const { network, a, b, c, roomId } = await setUp(t)
  await network.join(c, a)
  network.gossip = false
  const said = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'whole'))
  await c.hear({ ...said.json, content: { body: 'spoilt' } }, roomId, b.name)
  assert.equal(await bodyAt(c, said.eventId), 'whole')
})

test('the whole event and its spoilt copy at once: the whole one wins, whichever is first', async (t) => {
  const { network, a, b, c, roomId } = await setUp(t)
  await network.join(c, b)
  network.gossip = false
  network.isolate(c)
  for (const first of ['spoilt', 'whole']) {
    const said = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), `whole after ${first}`))
    const forms = [{ ...said.json, content: { body: 'spoilt' } }, said.json]
    if (first === 'whole') forms.reverse()
    await Promise.all(forms.map((json) => c.hear(json, roomId, b.name)))
    assert.equal(await bodyAt(c, said.eventId), `whole after ${first}`)
  }
})

test('one member cannot fill the list of incomplete events', async (t) => {
  const { network, b, c, roomId } = await setUp(t)
  await network.join(c, b)
  const { IncompleteEvents } = await import('./incomplete-events.ts')
  const list = new IncompleteEvents({
    engine: c.engine,
    store: c.rooms.store,
    fetcher: undefined as never,
    settle: async () => undefined,
  })
  const id = (index: number) => `$${String(index).padStart(43, 'x')}` as EventId
  await list.note(roomId, id(0), 'honest.test' as never)
  for (let index = 1; index < limits.incompletePerServer + 100; index++) await list.note(roomId, id(index), b.name)
  assert.ok(list.size <= limits.incompletePerServer + 2, `${list.size}`)
})
