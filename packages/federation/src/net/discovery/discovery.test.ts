import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverNameFromPublicKey, type UserId } from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import { meet, nodes } from '../../../test/net/meet.ts'
import { foldName, pointsOf } from './rendezvous-points.ts'
import { parseSearchTerm } from './search-term.ts'

const SERVER = serverNameFromPublicKey(testCrypto.ed25519.publicKey(new Uint8Array(32).fill(5)))

test('a search term is understood in each of its forms', () => {
  const user = `@p2p:${SERVER}` as UserId
  const peer = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
  const cases: readonly [string, unknown][] = [
    [user, { kind: 'user', userId: user }],
    [`https://matrix.to/#/${encodeURIComponent(user)}`, { kind: 'user', userId: user }],
    [`matrix:u/p2p:${SERVER}`, { kind: 'user', userId: user }],
    [SERVER, { kind: 'server', server: SERVER, addresses: [] }],
    [SERVER.toUpperCase(), { kind: 'server', server: SERVER, addresses: [] }],
    [
      `starling:${SERVER}?addr=/ip4/10.0.0.1/tcp/4009/p2p/${peer}&addr=nonsense`,
      { kind: 'server', server: SERVER, addresses: [`/ip4/10.0.0.1/tcp/4009/p2p/${peer}`] },
    ],
    [`/p2p/${peer}`, { kind: 'peer', target: peer }],
    [peer, { kind: 'peer', target: peer }],
    [`/ip4/10.0.0.1/tcp/4009/p2p/${peer}`, { kind: 'peer', target: `/ip4/10.0.0.1/tcp/4009/p2p/${peer}` }],
    ['Anna Müller:ABCDEF7', { kind: 'named', name: 'Anna Müller', suffix: 'abcdef7' }],
    ['  Anna  ', { kind: 'text', text: 'Anna' }],
    ['Anna:abc', { kind: 'text', text: 'Anna:abc' }],
    ['@anna:example.org', { kind: 'text', text: '@anna:example.org' }],
    ['   ', undefined],
  ]
  for (const [typed, term] of cases) assert.deepEqual(parseSearchTerm(typed), term, typed)
})

test('a node advertises its server name, and its names with four suffixes, folded', () => {
  const points = pointsOf(SERVER, ['  ÀNNA   Müller '])
  assert.equal(points.length, 5)
  assert.equal(points[0], `p2p:${SERVER}`)
  for (const length of [7, 8, 9, 10]) assert.ok(points.includes(`ànna müller:${SERVER.slice(-length)}`))
  assert.equal(foldName('ﬁsh ＡＢ'), 'fish ab')
})

async function annaAndBen() {
  const { network, all } = await nodes(['a', 'b'], { a: { displayName: 'Ben' }, b: { displayName: 'Anna Müller' } })
  const [a, b] = all
  const anna = { userId: b.userId, displayName: 'Anna Müller', avatarUrl: undefined }
  return { network, a, b, anna }
}

test('somebody who is not connected is found by name and suffix, user id, server name and address', async () => {
  for (const term of ['name', 'longer', 'user', 'server', 'peer', 'address'] as const) {
    const { a, b, anna } = await annaAndBen()
    await b.host.advertise(pointsOf(b.serverName, ['Anna Müller']))
    const typed = {
      name: `anna MÜLLER:${b.serverName.slice(-7)}`,
      longer: `Anna Müller:${b.serverName.slice(-20)}`,
      user: b.userId,
      server: b.serverName,
      peer: '/p2p/b',
      address: b.host.multiaddrs()[0] ?? '',
    }[term]
    assert.deepEqual(await a.net.userSearch.search(typed, 10), [anna], term)
  }
})

test('people on connected nodes are found by a part of their name or the beginning of their id', async () => {
  const { network, a, b, anna } = await annaAndBen()
  await meet(network, a, b)
  for (const typed of ['müll', 'ANNA', `@p2p:${b.serverName.slice(0, 12)}`]) {
    assert.deepEqual(await a.net.userSearch.search(typed, 10), [anna], typed)
  }
  assert.deepEqual(await a.net.userSearch.search('nobody', 10), [])
  assert.deepEqual(await a.net.userSearch.search('anna', 0), [])
})

for (const suffixCheck of ['on', 'off'] as const) {
  const what =
    suffixCheck === 'on' ? 'is never shown and never sent anything' : 'is shown where names are not compared (twin)'
  test(`bad input 68: a rendezvous provider that is not who it claims to be ${what}`, async () => {
    const { network, all } = await nodes(['a', 'anna', 'impostor'], {
      ...(suffixCheck === 'off' ? { a: { defences: { suffixCheck: 'off' } } } : {}),
      anna: { displayName: 'Anna' },
      impostor: { displayName: 'Anna' },
    })
    const [a, anna, impostor] = all
    const typed = `Anna:${anna.serverName.slice(-10)}`
    await network.remove(anna.host)
    await impostor.host.advertise(pointsOf(anna.serverName, ['Anna']))
    const found = await a.net.userSearch.search(typed, 10)
    assert.deepEqual(
      found.map(({ userId }) => userId),
      suffixCheck === 'on' ? [] : [impostor.userId],
    )
    if (suffixCheck === 'on') assert.equal(a.counted.get('rendezvous_liar suffix'), 1)
    // Asked for by id, the impostor is found at the point of the server, and not asked either.
    assert.deepEqual(await a.net.userSearch.search(anna.userId, 10), [])
    assert.deepEqual(impostor.asked, [])
  })
}

test('a provider that speaks no Starling at all, or does not answer, does not hinder the others', async () => {
  const { network, all } = await nodes(['a', 'b'], { b: { displayName: 'Anna' } })
  const [a, b] = all
  const points = pointsOf(b.serverName, ['Anna'])
  await network.host('dht-node').advertise(points)
  const dead = network.host('dead')
  await dead.advertise(points)
  await network.remove(dead)
  await b.host.advertise(points)
  const found = await a.net.userSearch.search(`anna:${b.serverName.slice(-8)}`, 10)
  assert.deepEqual(
    found.map(({ userId }) => userId),
    [b.userId],
  )
})

test('a server that lists users of others is not believed', async () => {
  const { network, all } = await nodes(['a', 'b', 'victim'])
  const [a, b, victim] = all
  Object.defineProperty(b, 'userId', { value: victim.userId })
  await meet(network, a, b)
  assert.deepEqual(await a.net.userSearch.search('@p2p', 10), [])
})

test('what is found by the time the search is given up is what it answers', async () => {
  const { network, a, b, anna } = await annaAndBen()
  await meet(network, a, b)
  const giveUp = new AbortController()
  a.host.find = async function* (_point, options) {
    await new Promise<void>((resolve) => options?.signal?.addEventListener('abort', () => resolve()))
    yield* []
  }
  const search = a.net.userSearch.search(`anna müller:${b.serverName.slice(-7)}`, 10, { signal: giveUp.signal })
  await network.settled()
  await new Promise((resolve) => setTimeout(resolve, 50))
  giveUp.abort()
  assert.deepEqual(await search, [anna])
})
