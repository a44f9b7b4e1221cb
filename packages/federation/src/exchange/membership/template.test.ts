import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'
import { membershipFromTemplate, readTemplate, type TemplateRequest } from './template.ts'

const ID = (letter: string) => `$${letter.repeat(43)}`
const roomId = `!${'r'.repeat(43)}` as RoomId
const userId = '@u:b' as UserId
const request: TemplateRequest = {
  roomId,
  userId,
  membership: 'join',
  resident: 'a' as ServerName,
  versions: ['12'],
}
const honest: JsonObject = {
  type: 'm.room.member',
  room_id: roomId,
  sender: userId,
  state_key: userId,
  content: { membership: 'join' },
  prev_events: [ID('p')],
  auth_events: [ID('a')],
  depth: 7,
  origin_server_ts: 1,
}

const template = (event: JsonObject, version = '12') => readTemplate({ room_version: version, event }, request)

test('bad input 48: of a malicious make_join template only the allowed fields are signed', () => {
  const evil = {
    ...honest,
    content: { membership: 'join', displayname: 'owned', 'm.evil': { deep: true } },
    redacts: ID('x'),
    origin_server_ts: 99,
    unsigned: { age: 1 },
    hashes: { sha256: 'x' },
    signatures: { b: { 'ed25519:1': 'x' } },
    extra: 'signed for you',
  }
  const result = template(evil)
  assert.ok(result.ok)
  const built = membershipFromTemplate(result.fields, request, { membership: 'join', displayname: 'me' }, 5)
  assert.deepEqual(built, {
    ...honest,
    content: { membership: 'join', displayname: 'me' },
    origin_server_ts: 5,
  })
  assert.equal(JSON.stringify(built).includes('evil'), false)
})

test('bad input 48, the twin: a server that signs the template as it comes puts what it says into the room', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const open = { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } }
  const room = await a.rooms.createRoom(a.user(), '12', [open])
  const draft = {
    roomId: room,
    sender: b.user(),
    type: 'm.room.member',
    stateKey: b.user(),
    content: { membership: 'join' },
  }
  const evil = { ...(await a.engine.template(draft)), content: { membership: 'join', displayname: 'I said this' } }
  const { pdu } = b.engine.finish(evil, '12')
  const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(room)}/${encodeURIComponent(pdu.eventId)}`
  await a.ask(b, 'PUT', uri, pdu.json)
  const member = await a.rooms.reader.stateEvent(room, 'm.room.member', b.user())
  assert.equal(member?.pdu.content.displayname, 'I said this')
})

const LIES: readonly (readonly [what: string, event: JsonObject])[] = [
  ['another type', { ...honest, type: 'm.room.power_levels' }],
  ['another room', { ...honest, room_id: `!${'s'.repeat(43)}` }],
  ['another sender', { ...honest, sender: '@x:b' }],
  ['another state_key', { ...honest, state_key: '@x:b' }],
  ['another membership', { ...honest, content: { membership: 'ban' } }],
  ['no content', { ...honest, content: 'join' }],
  ['21 prev events', { ...honest, prev_events: Array.from({ length: 21 }, (_, i) => ID(String.fromCharCode(65 + i))) }],
  ['11 auth events', { ...honest, auth_events: Array.from({ length: 11 }, (_, i) => ID(String.fromCharCode(65 + i))) }],
  ['no prev events', { ...honest, prev_events: [] }],
  ['an event twice', { ...honest, prev_events: [ID('p'), ID('p')] }],
  ['something that is no event id', { ...honest, prev_events: ['$x:y'] }],
  ['depth as text', { ...honest, depth: '7' }],
  ['negative depth', { ...honest, depth: -1 }],
  ['depth beyond 2^53', { ...honest, depth: 2 ** 53 }],
  [
    'an authoriser of a third server',
    { ...honest, content: { membership: 'join', join_authorised_via_users_server: '@x:c' } },
  ],
  [
    'an authoriser that is no user',
    { ...honest, content: { membership: 'join', join_authorised_via_users_server: 'a' } },
  ],
]

for (const [what, event] of LIES) {
  test(`a template with ${what} is refused`, () => assert.equal(template(event).ok, false))
}

test('the honest template is taken, and an authoriser of the resident', () => {
  assert.ok(template(honest).ok)
  const content = { membership: 'join', join_authorised_via_users_server: '@x:a' }
  const result = template({ ...honest, content })
  assert.equal(result.ok && result.fields.authorisedBy, '@x:a')
})

test('a room version that is not supported is told', () => {
  const result = template(honest, '1')
  assert.equal(result.ok, false)
  assert.equal(!result.ok && result.roomVersion, '1')
})

for (const operation of ['make_join', 'make_knock', 'make_leave'] as const) {
  test(`bad input 48: what reaches the room after a malicious ${operation} is our own event`, async (t) => {
    const network = new ExchangeNetwork()
    t.after(() => network.stop())
    const a = await network.add('a', {
      tamper: async ({ uri }, answer) => {
        const honestAnswer = await answer()
        if (!uri.includes(`/${operation}/`)) return honestAnswer
        const event = honestAnswer.event as JsonObject
        return {
          ...honestAnswer,
          event: { ...event, content: { ...(event.content as JsonObject), displayname: 'evil' }, evil: 1 },
        }
      },
    })
    const b = await network.add('b')
    const join_rule = operation === 'make_join' ? 'public' : 'knock'
    const room = await a.rooms.createRoom(a.user(), '12', [
      { type: 'm.room.join_rules', stateKey: '', content: { join_rule } },
    ])
    if (operation === 'make_leave') await a.invite(room, b.user())
    const membership = operation.slice('make_'.length) as 'join' | 'knock' | 'leave'
    const change = { roomId: room, sender: b.user(), target: b.user(), membership, via: [a.name] }
    const { eventId } = await b.change(change)
    assert.ok(eventId)
    const { json } = await a.rooms.pdu(eventId)
    assert.deepEqual(json.content, { membership })
    assert.equal('evil' in json, false)
  })
}
