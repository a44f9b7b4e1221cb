import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import { eventually, TestClock } from '@starling/testkit'
import { meet, nodes } from '../../../test/net/meet.ts'
import { joinAll, type TestNode } from '../../../test/net/test-node.ts'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from './answer-error.ts'
import { newNonce, sealEnvelope } from './envelope.ts'
import type { RequestError } from './request-error.ts'
import { CLOCK_ERRCODE, REQUEST_PROTOCOL } from './request-server.ts'

const ROOM = '!room:example.org' as RoomId
const utf8 = new TextEncoder()

/** Counts how often it was reached. */
function counter(): Answer & { calls: number } {
  const row = {
    method: 'POST' as const,
    path: '/_matrix/federation/v1/count/{thing}',
    calls: 0,
    async answer(request: Parameters<Answer['answer']>[0]) {
      row.calls += 1
      return { calls: row.calls, thing: request.params.thing ?? '', origin: request.origin }
    },
  }
  return row
}

function seal(from: TestNode, to: TestNode, fields: object = {}): Uint8Array {
  const request = {
    method: 'POST',
    uri: '/_matrix/federation/v1/count/x',
    origin: from.serverName,
    destination: to.serverName,
    origin_server_ts: from.clock.now(),
    nonce: newNonce((size) => crypto.getRandomValues(new Uint8Array(size))),
    ...fields,
  }
  return sealEnvelope(request, from.keys.keyRing)
}

async function statusOf(answer: Promise<Uint8Array>): Promise<readonly [unknown, unknown]> {
  const { status, content } = JSON.parse(Buffer.from(await answer).toString())
  return [status, content.errcode]
}

test('a request is answered, with path parameters decoded, and the asker proven', async () => {
  const row = counter()
  const { network, all } = await nodes(['a', 'b'], { b: { answers: [row] } })
  const [a, b] = all
  await meet(network, a, b)
  const answer = await a.net.requests.request(b.serverName, 'POST', '/_matrix/federation/v1/count/a%2Fb', { n: 1 })
  assert.deepEqual(answer, { calls: 1, thing: 'a/b', origin: a.serverName })
})

test('a server that is not connected is found by its PeerId or by rendezvous, and dialled', async () => {
  const { network, all } = await nodes(['a', 'b'], { b: { answers: [counter()] } })
  const [a, b] = all
  const uri = '/_matrix/federation/v1/count/x'
  await b.host.advertise([`p2p:${b.serverName}`])
  assert.equal((await a.net.requests.request(b.serverName, 'POST', uri)).calls, 1)
  await a.host.disconnect(b.host.peerId)
  await b.host.advertise([])
  await network.settled()
  assert.equal((await a.net.requests.request(b.serverName, 'POST', uri)).calls, 2)
})

test('a refusal comes as RequestError with the answerer’s status and errcode', async () => {
  const refuse: Answer = {
    method: 'GET',
    path: '/refuse',
    answer: () => Promise.reject(new AnswerError(403, 'M_FORBIDDEN', 'no', { fields: { room_version: '12' } })),
  }
  const { network, all } = await nodes(['a', 'b'], { b: { answers: [refuse] } })
  const [a, b] = all
  await meet(network, a, b)
  const refused = { name: 'RequestError', code: 'refused', status: 403, errcode: 'M_FORBIDDEN' }
  await assert.rejects(a.net.requests.request(b.serverName, 'GET', '/refuse'), refused)
  await assert.rejects(a.net.requests.request(b.serverName, 'PUT', '/refuse', {}), { status: 405 })
  await assert.rejects(a.net.requests.request(b.serverName, 'GET', '/%'), { status: 400 })
})

test('nobody to ask: unreachable', async () => {
  const { all } = await nodes(['a', 'b'])
  const [a, b] = all
  await b.net.stop()
  await assert.rejects(a.net.requests.request(b.serverName, 'GET', '/x'), { code: 'unreachable' })
})

test('bad input 31: a peer’s bytes reach no HTTP route, whatever path it asks for', async () => {
  let reached = 0
  const http = createServer((_request, response) => {
    reached += 1
    response.end('{}')
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as { port: number }
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  await meet(network, a, b)
  const paths = [
    '/_matrix/client/v3/sync',
    '/_matrix/client/v3/account/whoami?access_token=x',
    '/_starling/v1/node',
    '/_matrix/federation/v1/../../client/v3/sync',
    '/_matrix/federation/v1/%2e%2e/client/v3/sync',
    `//127.0.0.1:${port}/`,
    `/http://127.0.0.1:${port}/`,
  ]
  for (const path of paths) {
    await assert.rejects(a.net.requests.request(b.serverName, 'GET', path), {
      code: 'refused',
      errcode: 'M_UNRECOGNIZED',
    })
  }
  for (const path of [`http://127.0.0.1:${port}/`, 'x', '/a b', '/\u0000']) {
    await assert.rejects(a.host.request(b.host.peerId, REQUEST_PROTOCOL, seal(a, b, { method: 'GET', uri: path })))
  }
  assert.equal(reached, 0)
  await new Promise((resolve) => http.close(resolve))
})

for (const replayCheck of ['on', 'off'] as const) {
  const what = replayCheck === 'on' ? 'is refused' : 'is answered again where nonces are not looked at (twin)'
  test(`a request sent again byte by byte ${what}`, async () => {
    const row = counter()
    const { network, all } = await nodes(['a', 'b'], {
      b: { answers: [row], ...(replayCheck === 'off' ? { defences: { replayCheck: 'off' } } : {}) },
    })
    const [a, b] = all
    await meet(network, a, b)
    const bytes = seal(a, b)
    assert.deepEqual(await statusOf(a.host.request(b.host.peerId, REQUEST_PROTOCOL, bytes)), [200, undefined])
    const again = await statusOf(a.host.request(b.host.peerId, REQUEST_PROTOCOL, bytes))
    assert.deepEqual(again, replayCheck === 'on' ? [400, 'M_FORBIDDEN'] : [200, undefined])
    assert.equal(row.calls, replayCheck === 'on' ? 1 : 2)
  })
}

test('a request of a stranger is not answered again once it shares a room', async () => {
  const row = counter()
  const { network, all } = await nodes(['a', 'b'], { b: { answers: [row] } })
  const [a, b] = all
  await meet(network, a, b)
  const bytes = seal(a, b)
  assert.deepEqual(await statusOf(a.host.request(b.host.peerId, REQUEST_PROTOCOL, bytes)), [200, undefined])
  joinAll('!common:example.org' as RoomId, [a, b])
  await eventually('b knows of the room', () => b.net.sharedRooms.isNeighbour(a.serverName))
  assert.deepEqual(await statusOf(a.host.request(b.host.peerId, REQUEST_PROTOCOL, bytes)), [400, 'M_FORBIDDEN'])
  assert.equal(row.calls, 1)
})

test('a request from outside the time window, or from before the start, is refused with our time', async () => {
  const row = counter()
  const { network, all } = await nodes(['a', 'b'], { b: { answers: [row] } })
  const [a, b] = all
  await meet(network, a, b)
  for (const origin_server_ts of [a.clock.now() + 6 * 60_000, a.clock.now() - 1]) {
    const bytes = seal(a, b, { origin_server_ts })
    assert.deepEqual(await statusOf(a.host.request(b.host.peerId, REQUEST_PROTOCOL, bytes)), [400, CLOCK_ERRCODE])
  }
  assert.equal(row.calls, 0)
})

test('bad input 73: nodes whose clocks are a day apart understand each other', async () => {
  const now = new TestClock().now()
  const { network, all } = await nodes(['a', 'b'], {
    a: { clock: new TestClock(now + 86_400_000) },
    b: { answers: [counter()] },
  })
  const [a, b] = all
  await meet(network, a, b)
  assert.equal((await a.net.requests.request(b.serverName, 'POST', '/_matrix/federation/v1/count/x')).calls, 1)
  assert.equal((await a.net.requests.request(b.serverName, 'POST', '/_matrix/federation/v1/count/x')).calls, 2)
})

for (const serverTs of [2 ** 53 - 1, -1]) {
  test(`bad input 73: a server that says its clock shows ${serverTs} is asked by ours the next time too`, async () => {
    let lies = 0
    const liar: Answer = {
      method: 'POST',
      path: '/_matrix/federation/v1/count/{thing}',
      async answer() {
        lies += 1
        if (lies > 1) return { calls: lies }
        throw new AnswerError(400, CLOCK_ERRCODE, 'no time at all', { fields: { server_ts: serverTs } })
      },
    }
    const { network, all } = await nodes(['a', 'b'], { b: { answers: [liar] } })
    const [a, b] = all
    await meet(network, a, b)
    const ask = () => a.net.requests.request(b.serverName, 'POST', '/_matrix/federation/v1/count/x')
    await assert.rejects(ask(), { code: 'refused', errcode: CLOCK_ERRCODE })
    assert.equal((await ask()).calls, 2)
  })
}

test('strangers and forgers are not answered at all', async () => {
  const row = counter()
  const { network, all } = await nodes(['a', 'b', 'c'], { b: { answers: [row] } })
  const [a, b, c] = all
  await meet(network, a, b)
  const stranger = network.host('a-peer-that-is-no-server')
  const as = (bytes: Uint8Array, host = a.host) => host.request(b.host.peerId, REQUEST_PROTOCOL, bytes)
  await assert.rejects(as(seal(a, b), stranger), 'carried by a stranger')
  await assert.rejects(as(seal(a, b, { origin: c.serverName })), 'with keys of another')
  const tampered = JSON.parse(Buffer.from(seal(a, b)).toString())
  tampered.uri = '/_matrix/federation/v1/count/y'
  await assert.rejects(as(utf8.encode(JSON.stringify(tampered))), 'changed on the way')
  await assert.rejects(as(utf8.encode('{"method":"GET"}')), 'no envelope')
  await assert.rejects(as(utf8.encode('[')), 'no JSON')
  await assert.rejects(as(seal(c, b)), 'of a server that shares no room with the carrier’s')
  assert.equal(row.calls, 0)
  assert.deepEqual(
    [...b.counted.keys()].filter((key) => key.startsWith('request_dropped')).sort(),
    ['bad-server-keys', 'bad-signature', 'carrier', 'malformed', 'stranger'].map((code) => `request_dropped ${code}`),
  )
})

test('who asks too often is refused with 429, others are not', async () => {
  const { network, all } = await nodes(['a', 'b', 'c'], { b: { answers: [counter()] } })
  const [a, b, c] = all
  await meet(network, a, b)
  await meet(network, c, b)
  const ask = (from: TestNode) => from.net.requests.request(b.serverName, 'POST', '/_matrix/federation/v1/count/x')
  const statuses: (number | undefined)[] = []
  for (let i = 0; i < 450; i++) {
    statuses.push(
      await ask(a).then(
        () => 200,
        (error: RequestError) => error.status,
      ),
    )
  }
  assert.deepEqual([...new Set(statuses)], [200, 429])
  assert.equal(statuses.filter((status) => status === 200).length, 400)
  assert.ok((await ask(c)).calls)
})

test('two nodes that cannot connect ask each other through a member of a common room', async () => {
  const row = counter()
  const { network, all } = await nodes(['a', 'b', 'c'], { c: { answers: [row] } })
  const [a, b, c] = all
  joinAll(ROOM, [a, b, c])
  await network.cut(a.host, c.host)
  await meet(network, a, b)
  await meet(network, b, c)
  const answer = await a.net.requests.request(c.serverName, 'POST', '/_matrix/federation/v1/count/x')
  assert.deepEqual(answer, { calls: 1, thing: 'x', origin: a.serverName })
  const inRoom = `/_matrix/federation/v1/event/${encodeURIComponent('!elsewhere:example.org')}`
  await assert.rejects(a.net.requests.request(c.serverName, 'GET', inRoom), { code: 'unreachable' })
})

for (const member of [true, false]) {
  test(`a node relays ${member ? 'for members of common rooms' : 'nothing for who shares no room with it'}`, async () => {
    const row = counter()
    const { network, all } = await nodes(['a', 'b', 'c'], { c: { answers: [row] } })
    const [a, b, c] = all
    joinAll(ROOM, [b, c], member ? [a, b, c] : [b, c])
    joinAll(ROOM, [a], [a, b, c])
    await network.cut(a.host, c.host)
    await meet(network, a, b)
    await meet(network, b, c)
    const asked = a.net.requests.request(c.serverName, 'POST', '/_matrix/federation/v1/count/x')
    if (member) assert.equal((await asked).calls, 1)
    else await assert.rejects(asked, { code: 'unreachable' })
    assert.equal(row.calls, member ? 1 : 0)
    assert.equal(b.counted.get('relay_refused origin-shares-no-room'), member ? undefined : 1)
  })
}

for (const answerCheck of ['on', 'off'] as const) {
  const what = answerCheck === 'on' ? 'cannot change' : 'can change, where answers are not checked (twin),'
  test(`a relay ${what} what it passes on`, async () => {
    const { network, all } = await nodes(['a', 'b', 'c'], {
      a: answerCheck === 'off' ? { defences: { answerCheck: 'off' } } : {},
      c: { answers: [counter()] },
    })
    const [a, b, c] = all
    joinAll(ROOM, [a, b, c])
    await network.cut(a.host, c.host)
    await meet(network, a, b)
    await meet(network, b, c)
    const limits = { maxRequestBytes: 1_000_000, maxConcurrentPerPeer: 4, timeoutMs: 5000 }
    await b.host.handleRequests(REQUEST_PROTOCOL, limits, async (_from, bytes) => {
      const answer = JSON.parse(Buffer.from(await b.host.request(c.host.peerId, REQUEST_PROTOCOL, bytes)).toString())
      return utf8.encode(JSON.stringify({ ...answer, content: { calls: 'a lie' } }))
    })
    const asked = a.net.requests.request(c.serverName, 'POST', '/_matrix/federation/v1/count/x')
    if (answerCheck === 'on') await assert.rejects(asked, { code: 'malformed' })
    else assert.equal((await asked).calls, 'a lie')
  })
}

test('a relay that answers in the place of the destination is not believed', async () => {
  const { network, all } = await nodes(['a', 'b', 'c'])
  const [a, b, c] = all
  joinAll(ROOM, [a, b, c])
  await network.cut(a.host, c.host)
  await meet(network, a, b)
  const limits = { maxRequestBytes: 1_000_000, maxConcurrentPerPeer: 4, timeoutMs: 5000 }
  await b.host.handleRequests(REQUEST_PROTOCOL, limits, async (_from, bytes) => {
    const { nonce, origin } = JSON.parse(Buffer.from(bytes).toString())
    const answer = { status: 200, content: {}, nonce, origin: b.serverName, destination: origin, origin_server_ts: 1 }
    return sealEnvelope(answer, b.keys.keyRing)
  })
  await assert.rejects(a.net.requests.request(c.serverName, 'GET', '/x'), { code: 'unreachable' })
})
