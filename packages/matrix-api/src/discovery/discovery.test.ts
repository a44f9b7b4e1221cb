import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RoomId, stateSlot, type UserId } from '@starling/protocol'
import type { FoundUser, RoomMembership, RoomReader, UserSearch } from '../ports.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { partialPort } from '../testing/unused-ports.ts'
import { startWholeApi } from '../testing/whole-api.ts'
import { rankOf } from './match-person.ts'

const SEARCH = '/_matrix/client/v3/user_directory/search'

/** One joined room with these members. */
function roomWith(members: { readonly [userId: string]: object }): RoomReader {
  const roomId = '!r:x' as RoomId
  const event = (userId: string) => ({ pdu: { eventId: `$${userId}`, stateKey: userId, content: members[userId] } })
  return partialPort<RoomReader>({
    roomsOf: async () => [{ roomId, membership: 'join' } as RoomMembership],
    lastChange: async () => 1,
    currentState: async () =>
      new Map(Object.keys(members).map((userId) => [stateSlot('m.room.member', userId), `$${userId}` as never])),
    events: async (_roomId, ids) => ids.map((id) => event(id.slice(1))) as never,
    stateEvent: async () => undefined,
  })
}

function searchOf(answer: (term: string) => Promise<readonly FoundUser[]>): UserSearch {
  return { search: answer }
}

test('user search: local accounts, shared rooms and the network, each person once, the asker never', async () => {
  const reader = roomWith({
    '@bob:far.test': { membership: 'join', displayname: 'Bob', avatar_url: 'mxc://far.test/b' },
    '@bobby:gone.test': { membership: 'leave', displayname: 'Bobby' },
  })
  const network = async () => [
    { userId: '@bob:far.test' as UserId, displayName: 'Bob elsewhere', avatarUrl: undefined },
    { userId: '@robert:dht.test' as UserId, displayName: 'bob', avatarUrl: undefined },
    { userId: '@p2p:here.test' as UserId, displayName: 'bob', avatarUrl: undefined },
  ]
  await using here = await startWholeApi(() => ({ reader, userSearch: searchOf(network) }))
  const as = await here.user()
  await here.api.accounts.create('bobolink', undefined)
  const answer = await here.request('POST', SEARCH, { as, body: { search_term: 'BOB' } })
  expectMatchesSpec('searchUserDirectory', answer)
  assert.deepEqual(answer.body, {
    results: [
      { user_id: '@bob:far.test', display_name: 'Bob', avatar_url: 'mxc://far.test/b' },
      { user_id: '@bobolink:here.test' },
      { user_id: '@robert:dht.test', display_name: 'bob' },
    ],
    limited: false,
  })
  const one = await here.request('POST', SEARCH, { as, body: { search_term: 'bob', limit: 1 } })
  assert.deepEqual([one.body.results.length, one.body.limited], [1, true])
})

test('user search: a network that fails leaves the people here', async () => {
  const userSearch = searchOf(() => Promise.reject(new Error('no network')))
  await using here = await startWholeApi(() => ({ userSearch }))
  const as = await here.user()
  await here.api.accounts.create('bob', undefined)
  const answer = await here.request('POST', SEARCH, { as, body: { search_term: 'bob' } })
  assert.deepEqual(answer.body.results, [{ user_id: '@bob:here.test' }])
})

test('user search: bad terms and limits', async () => {
  await using here = await startWholeApi()
  const as = await here.user()
  const cases: [object, number][] = [
    [{}, 400],
    [{ search_term: 7 }, 400],
    [{ search_term: 'x'.repeat(1001) }, 400],
    [{ search_term: 'x', limit: -1 }, 400],
    [{ search_term: 'x', limit: 1e9 }, 200],
    [{ search_term: '' }, 200],
  ]
  for (const [body, status] of cases) {
    assert.equal((await here.request('POST', SEARCH, { as, body })).status, status, JSON.stringify(body))
  }
})

test('how people are ranked, by name, by id, by name and suffix', () => {
  const person = { userId: '@ann:bafzabcdefg' as UserId, displayName: 'Ann Lee', avatarUrl: undefined }
  const ranks: [string, number | undefined][] = [
    ['ann lee', 1],
    ['ANN', 1],
    ['ann l', 2],
    ['lee', 3],
    ['n le', 4],
    ['@ann:bafzabcdefg', 0],
    ['bafzabcdefg', 0],
    ['Ann Lee:cdefg', 0],
    ['Ann Lee:zzz', undefined],
    ['Bob', undefined],
    ['  ', undefined],
  ]
  for (const [term, rank] of ranks) assert.equal(rankOf(person, term), rank, term)
})

test('versions, capabilities, well-known, what is not offered', async () => {
  await using here = await startWholeApi()
  const as = await here.user()
  const versions = await here.request('GET', '/_matrix/client/versions')
  expectMatchesSpec('getVersions', versions)
  assert.ok(versions.body.versions.includes('v1.11'))
  const capabilities = await here.request('GET', '/_matrix/client/v3/capabilities', { as })
  expectMatchesSpec('getCapabilities', capabilities)
  assert.equal(capabilities.body.capabilities['m.room_versions'].default, '12')
  assert.deepEqual(capabilities.body.capabilities['m.change_password'], { enabled: true })
  const wellKnown = await here.request('GET', '/.well-known/matrix/client')
  expectMatchesSpec('getWellknown', wellKnown)
  assert.deepEqual(wellKnown.body, { 'm.homeserver': { base_url: here.url } })
  const turn = await here.request('GET', '/_matrix/client/v3/voip/turnServer', { as })
  assert.deepEqual([turn.status, turn.body], [200, {}])
  const protocols = await here.request('GET', '/_matrix/client/v3/thirdparty/protocols', { as })
  expectMatchesSpec('getProtocols', protocols)
  for (const path of ['auth_issuer', 'auth_metadata']) {
    const answer = await here.request('GET', `/_matrix/client/unstable/org.matrix.msc2965/${path}`)
    assert.deepEqual([answer.status, answer.body.errcode], [404, 'M_UNRECOGNIZED'])
  }
})

test('OpenID: a token that says who one is, for an hour, and opens nothing else', async () => {
  await using here = await startWholeApi()
  const as = await here.user()
  const path = `/_matrix/client/v3/user/${as.userId}/openid/request_token`
  const answer = await here.request('POST', path, { as, body: {} })
  expectMatchesSpec('requestOpenIdToken', answer)
  const token = answer.body.access_token
  const info = () => here.request('GET', '/_matrix/federation/v1/openid/userinfo', { query: { access_token: token } })
  assert.deepEqual((await info()).body, { sub: as.userId })
  assert.equal((await here.request('GET', '/_matrix/client/v3/account/whoami', { as: token })).status, 401)
  here.clock.advance(3_601_000)
  assert.deepEqual([(await info()).status, (await info()).body.errcode], [401, 'M_UNKNOWN_TOKEN'])
})

test('issueToken gives the owner a session on a new device', async () => {
  await using here = await startWholeApi()
  const owner = await here.api.accounts.ensureOwner('p2p')
  const { deviceId, accessToken } = await here.api.issueToken(owner, 'starling token')
  const devices = await here.request('GET', '/_matrix/client/v3/devices', { as: accessToken })
  assert.deepEqual(
    devices.body.devices.map((device: { device_id: string }) => device.device_id),
    [deviceId],
  )
  assert.deepEqual(await here.api.localUsers.discoverable(), [owner])
  assert.deepEqual(await here.api.localUsers.profile(owner), {})
  assert.equal(await here.api.localUsers.profile('@nobody:here.test' as UserId), undefined)
})
