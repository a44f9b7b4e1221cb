import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JsonObject, parsePdu, type RoomVersionRules, roomVersionRules } from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'
import type { CheckedPdu } from '../../contracts.ts'
import { RoomError } from '../../room/room-error.ts'

type Events = JsonObject[]
type Forgery = (answer: { state: Events; auth_chain: Events; event: JsonObject }, elsewhere: Events) => object

const isName = (event: JsonObject) => event.type === 'm.room.name'
const isCreate = (event: JsonObject) => event.type === 'm.room.create'

const FORGERIES: readonly (readonly [what: string, forge: Forgery])[] = [
  [
    'an unsigned event',
    (answer) => ({ ...answer, state: answer.state.map((one) => (isName(one) ? { ...one, signatures: {} } : one)) }),
  ],
  [
    'an event whose author was changed',
    (answer) => ({ ...answer, state: answer.state.map((one) => (isName(one) ? { ...one, sender: '@owner:c' } : one)) }),
  ],
  [
    'an event made up in the name of another server',
    (answer) => ({
      ...answer,
      state: [...answer.state, { ...(answer.state.find(isName) as JsonObject), sender: '@u:c', state_key: 'forged' }],
    }),
  ],
  [
    'events of another room',
    (answer, elsewhere) => ({ ...answer, state: [...answer.state, ...elsewhere.filter(isName)] }),
  ],
  ['the create event of another room', (answer, elsewhere) => ({ ...answer, state: elsewhere })],
  ['no create event', (answer) => ({ ...answer, state: answer.state.filter((one) => !isCreate(one)), auth_chain: [] })],
  [
    'a missing auth event',
    (answer) => ({ ...answer, auth_chain: [], state: answer.state.filter((one) => isCreate(one) || isName(one)) }),
  ],
  ['one place held twice', (answer) => ({ ...answer, state: [...answer.state, ...answer.state.filter(isName)] })],
  ['state that is no list', (answer) => ({ ...answer, state: {} })],
  ['members left out', (answer) => ({ ...answer, members_omitted: true })],
]

for (const [what, forge] of FORGERIES) {
  test(`bad input 51: a send_join answer with ${what} is refused, and the next server asked`, async (t) => {
    const network = new ExchangeNetwork()
    t.after(() => network.stop())
    const elsewhere: Events = []
    const liar = await network.add('a', {
      tamper: async ({ uri }, honest) => {
        const answer = await honest()
        return uri.includes('/send_join/') ? (forge(answer as never, elsewhere) as JsonObject) : answer
      },
    })
    const c = await network.add('c')
    const b = await network.add('b')
    const name = { type: 'm.room.name', stateKey: '', content: { name: 'n' } }
    const open = { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } }
    const roomId = await c.rooms.createRoom(c.user(), '12', [open, name])
    const other = await c.rooms.createRoom(c.user('someone'), '12', [open, name])
    const stored = await c.engine.events([...(await c.engine.currentState(other)).values()])
    elsewhere.push(...[...stored.values()].map(({ pdu }) => pdu.json))
    await liar.join(roomId, [c])
    await network.settled()

    const refused = (error: unknown) => error instanceof RoomError && error.code === 'unreachable'
    await assert.rejects(b.join(roomId, [liar]), refused)
    assert.equal(await b.membership(roomId, b.user()), undefined)
    assert.ok(b.counted.some((line) => line.startsWith('send_join_refused')))

    await b.join(roomId, [liar, c])
    assert.equal(await b.membership(roomId, b.user()), 'join')
    assert.deepEqual(await b.rooms.stateOf(roomId), await c.rooms.stateOf(roomId))
  })
}

test('bad input 51, the twin: without the checks a forged event is in the state', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const name = { type: 'm.room.name', stateKey: '', content: { name: 'true' } }
  const open = { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } }
  const roomId = await a.rooms.createRoom(a.user(), '12', [open, name])
  const draft = { roomId, sender: b.user(), type: 'm.room.member', stateKey: b.user(), content: { membership: 'join' } }
  const event = b.engine.finish(await a.engine.template(draft), '12')
  const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(event.pdu.eventId)}`
  const answer = await a.ask(b, 'PUT', uri, event.pdu.json)
  const rules = roomVersionRules('12') as RoomVersionRules
  const unchecked = (list: unknown): CheckedPdu[] =>
    (list as Events).map((json) => {
      const forged = isName(json) ? { ...json, content: { name: 'forged' }, signatures: {} } : json
      const parsed = parsePdu(forged, rules, testCrypto.sha256)
      assert.ok(parsed.ok)
      return { pdu: parsed.pdu, roomVersion: '12', redacted: false }
    })
  const room = {
    roomId,
    roomVersion: '12',
    state: unchecked(answer.state),
    authChain: unchecked(answer.auth_chain),
    event,
  }
  assert.equal((await b.engine.importRoom(room)).kind, 'accepted')
  assert.equal((await b.rooms.reader.stateEvent(roomId, 'm.room.name', ''))?.pdu.content.name, 'forged')
})
