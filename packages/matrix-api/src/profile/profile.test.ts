import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import type { MembershipChange, Outbound, RemoteServers, RoomMembership, RoomReader, Rooms } from '../ports.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { RoomErrorLike } from '../testing/room-error-like.ts'
import { startTestApi, type TestBase } from '../testing/test-api.ts'
import { emptyPorts, partialPort } from '../testing/unused-ports.ts'
import { profileEndpoints } from './profile-endpoints.ts'
import { ProfilePropagation } from './profile-propagation.ts'
import { ProfileStore } from './profiles.ts'
import { RemoteProfiles } from './remote-profiles.ts'

const ALICE = '/_matrix/client/v3/profile/@p2p:here.test'
const REMOTE = '@bob:far.test' as UserId

interface Fakes {
  readonly reader?: Partial<RoomReader>
  readonly rooms?: Partial<Rooms>
  readonly remote?: Partial<RemoteServers>
  readonly outbound?: Partial<Outbound>
}

function services(base: TestBase, fakes: Fakes) {
  const ports = emptyPorts()
  const reader = fakes.reader ? partialPort<RoomReader>(fakes.reader) : ports.reader
  const remote = fakes.remote ? partialPort<RemoteServers>(fakes.remote) : ports.remote
  const rooms = fakes.rooms ? partialPort<Rooms>(fakes.rooms) : ports.rooms
  const outbound = fakes.outbound ? partialPort<Outbound>(fakes.outbound) : ports.outbound
  const profiles = new ProfileStore(base.store)
  const propagation = new ProfilePropagation({ ...base, profiles, reader, rooms, outbound })
  return {
    accounts: base.accounts,
    profiles,
    propagation,
    remoteProfiles: new RemoteProfiles({ ...base, remote, reader }),
  }
}

const start = (fakes: Fakes = {}) => startTestApi((base) => profileEndpoints(services(base, fakes)))

/** A reader of joined rooms in which the user's member event has this content. */
function joinedRooms(contents: { readonly [roomId: string]: JsonObject }): Partial<RoomReader> {
  return {
    roomsOf: async () =>
      Object.keys(contents).map((roomId) => ({ roomId: roomId as RoomId, membership: 'join' }) as RoomMembership),
    stateEvent: async (roomId) => ({ pdu: { content: contents[roomId] } }) as never,
  }
}

test('profile fields are set, read one by one and together, and removed', async () => {
  await using api = await start({ reader: { roomsOf: async () => [] } })
  const as = await api.user()
  const set = (name: string, value: unknown) => api.request('PUT', `${ALICE}/${name}`, { as, body: { [name]: value } })
  expectMatchesSpec('setProfileField', await set('displayname', 'Alice'))
  await set('avatar_url', 'mxc://here.test/abc')
  await set('m.tz', 'Europe/Berlin')
  await set('org.example.pronouns', [{ language: 'en' }])
  const whole = await api.request('GET', ALICE)
  expectMatchesSpec('getUserProfile', whole)
  assert.deepEqual(whole.body, {
    displayname: 'Alice',
    avatar_url: 'mxc://here.test/abc',
    'm.tz': 'Europe/Berlin',
    'org.example.pronouns': [{ language: 'en' }],
  })
  const field = await api.request('GET', `${ALICE}/displayname`)
  expectMatchesSpec('getProfileField', field)
  assert.deepEqual(field.body, { displayname: 'Alice' })
  expectMatchesSpec('deleteProfileField', await api.request('DELETE', `${ALICE}/m.tz`, { as }))
  assert.equal((await api.request('GET', `${ALICE}/m.tz`)).status, 404)
  await set('avatar_url', '')
  assert.equal((await api.request('GET', `${ALICE}/avatar_url`)).status, 404)
})

test('profile: bad names, bad values, too much', async () => {
  await using api = await start()
  const as = await api.user()
  const cases: [name: string, body: object, errcode: string][] = [
    ['NotAName', { NotAName: 1 }, 'M_INVALID_PARAM'],
    [`a.${'x'.repeat(255)}`, {}, 'M_KEY_TOO_LARGE'],
    ['displayname', {}, 'M_MISSING_PARAM'],
    ['displayname', { displayname: 7 }, 'M_INVALID_PARAM'],
    ['avatar_url', { avatar_url: 'https://evil.example/x.png' }, 'M_INVALID_PARAM'],
    ['org.example.big', { 'org.example.big': 'x'.repeat(65_536) }, 'M_PROFILE_TOO_LARGE'],
  ]
  for (const [name, body, errcode] of cases) {
    const answer = await api.request('PUT', `${ALICE}/${name}`, { as, body })
    assert.deepEqual([answer.status, answer.body.errcode], [400, errcode], name)
  }
})

test("another user's profile cannot be set; unknown users are 404", async () => {
  await using api = await start()
  await api.user()
  const eve = await api.user('eve')
  assert.equal((await api.request('PUT', `${ALICE}/displayname`, { as: eve, body: { displayname: 'x' } })).status, 403)
  assert.equal((await api.request('GET', '/_matrix/client/v3/profile/@nobody:here.test')).status, 404)
  assert.equal((await api.request('GET', '/_matrix/client/v3/profile/nonsense')).status, 400)
})

test('a new name goes into the member events of joined rooms, and to other servers', async () => {
  const changes: MembershipChange[] = []
  const told: unknown[] = []
  await using api = await start({
    reader: joinedRooms({
      '!a:x': { membership: 'join', displayname: 'Old', avatar_url: 'mxc://x/y', 'org.example': 1 },
      '!b:x': { membership: 'join', displayname: 'New' },
    }),
    rooms: {
      changeMembership: async (change) => {
        changes.push(change)
        return { eventId: undefined }
      },
    },
    outbound: { profileChanged: async (...args) => void told.push(args) },
  })
  const as = await api.user()
  assert.equal((await api.request('PUT', `${ALICE}/displayname`, { as, body: { displayname: 'New' } })).status, 200)
  const { userId } = as
  assert.deepEqual(changes, [
    {
      roomId: '!a:x',
      sender: userId,
      target: userId,
      membership: 'join',
      content: { 'org.example': 1, displayname: 'New' },
    },
  ])
  assert.deepEqual(told, [[userId, { displayName: 'New' }]])
  await api.request('PUT', `${ALICE}/displayname`, { as, body: { displayname: 'New' } })
  assert.equal(told.length, 1, 'the same name again changes nothing')
})

test('a change that a crash kept from a room is carried there at the next start', async () => {
  const reader = joinedRooms({ '!a:x': { membership: 'join' } })
  const failing = { changeMembership: () => Promise.reject(new RoomErrorLike('busy', 'not now')) }
  const outbound = { profileChanged: async () => undefined }
  await using api = await start({ reader, rooms: failing, outbound })
  const as = await api.user()
  await api.request('PUT', `${ALICE}/displayname`, { as, body: { displayname: 'A' } })

  const changes: MembershipChange[] = []
  const rooms: Partial<Rooms> = {
    changeMembership: async (change) => {
      changes.push(change)
      return { eventId: undefined }
    },
  }
  await services(api, { reader, rooms, outbound }).propagation.start()
  assert.deepEqual(
    changes.map(({ content }) => content),
    [{ displayname: 'A' }],
  )
  await services(api, { reader, rooms, outbound }).propagation.start()
  assert.equal(changes.length, 1, 'nothing is owed any more')
})

test('profiles of other servers: asked for once a minute, as last known while they are away', async () => {
  let asked = 0
  let reachable = true
  const profile = async () => {
    asked += 1
    if (!reachable) throw new RoomErrorLike('unreachable', 'away')
    return { displayname: 'Bob' }
  }
  await using api = await start({ remote: { profile }, reader: joinedRooms({}) })
  const as = await api.user()
  const get = () => api.request('GET', `/_matrix/client/v3/profile/${REMOTE}`, { as })
  assert.deepEqual((await get()).body, { displayname: 'Bob' })
  await get()
  assert.equal(asked, 1)
  reachable = false
  api.clock.advance(61_000)
  assert.deepEqual((await get()).body, { displayname: 'Bob' })
  assert.equal(asked, 2)
})

test('a server never met: the name as shared rooms have it, else 502', async () => {
  const profile = () => Promise.reject(new RoomErrorLike('unreachable', 'away'))
  const shared = joinedRooms({ '!a:x': { membership: 'join', displayname: 'Bob', avatar_url: 'mxc://x/y' } })
  await using known = await start({ remote: { profile }, reader: shared })
  const get = async (api: typeof known) =>
    api.request('GET', `/_matrix/client/v3/profile/${REMOTE}`, { as: await api.user() })
  assert.deepEqual((await get(known)).body, { displayname: 'Bob', avatar_url: 'mxc://x/y' })
  await using unknown = await start({ remote: { profile }, reader: joinedRooms({}) })
  assert.equal((await get(unknown)).status, 502)
})

test('nobody without a token makes this node ask other servers', async () => {
  let asked = 0
  const profile = async () => {
    asked += 1
    return {}
  }
  await using api = await start({ remote: { profile } })
  assert.equal((await api.request('GET', `/_matrix/client/v3/profile/${REMOTE}`)).status, 403)
  assert.equal(asked, 0)
})
