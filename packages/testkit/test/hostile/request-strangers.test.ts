import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { RequestError } from '@starling/federation'
import type { JsonObject, RoomId } from '@starling/protocol'
import { eventTemplate, type PduDraft, roomVersionRules, stateSlot } from '@starling/protocol'
import { type ClientEvent, eventually, testCrypto } from '@starling/testkit'
import { OpenNode } from '../../src/hostile/open-node.ts'
import { openPrivateRoom, type PrivateRoom, ROOM_NAME, SECRET } from './private-room.ts'

/**
 * Bad input 69 over real libp2p: a whole Starling node, with an identity of its own and correctly signed requests, asks for
 * everything that one server can ask another, of a node in whose rooms it has nobody. The twin asks the same as a member,
 * so that what is refused is known to be there and well asked for.
 */
interface Asked {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly uri: string
  readonly content?: JsonObject
}

/** What a stranger may get: a refusal with one of these, or an answer that says just this. */
type Expected =
  | { readonly refused: readonly string[] }
  | { readonly tells: RegExp }
  | { readonly answer: (scene: Scene) => JsonObject }

interface Row {
  /** As in the table of answers. */
  readonly row: string
  readonly ask: (scene: Scene, asker: OpenNode) => Asked | Promise<Asked>
  readonly stranger: Expected
  /** What a member finds in the answer; undefined where a member gets no more. */
  readonly member?: (scene: Scene) => string
}

interface Scene extends PrivateRoom {
  readonly stranger: OpenNode
}

const V1 = '/_matrix/federation/v1'
const V2 = '/_matrix/federation/v2'
const STARLING = '/_starling/federation/v1'
const id = encodeURIComponent

const FORBIDDEN: Expected = { refused: ['M_FORBIDDEN'] }

const NO_ROOMS = { chunk: [], total_room_count_estimate: 0 }

const get = (uri: (scene: Scene, asker: OpenNode) => string) => (scene: Scene, asker: OpenNode) =>
  ({ method: 'GET', uri: uri(scene, asker) }) as const

const ROWS: readonly Row[] = [
  {
    row: `GET ${V1}/event/{eventId}`,
    ask: get(({ eventId }) => `${V1}/event/${id(eventId)}`),
    stranger: { refused: ['M_FORBIDDEN', 'M_NOT_FOUND'] },
    member: () => SECRET,
  },
  {
    row: `GET ${V1}/state/{roomId}`,
    ask: get(({ roomId, eventId }) => `${V1}/state/${id(roomId)}?event_id=${id(eventId)}`),
    stranger: FORBIDDEN,
    member: () => ROOM_NAME,
  },
  {
    row: `GET ${V1}/state_ids/{roomId}`,
    ask: get(({ roomId, eventId }) => `${V1}/state_ids/${id(roomId)}?event_id=${id(eventId)}`),
    stranger: FORBIDDEN,
    member: () => 'pdu_ids',
  },
  {
    row: `GET ${V1}/backfill/{roomId}`,
    ask: get(({ roomId, eventId }) => `${V1}/backfill/${id(roomId)}?v=${id(eventId)}&limit=10`),
    stranger: FORBIDDEN,
    member: () => SECRET,
  },
  {
    row: `POST ${V1}/get_missing_events/{roomId}`,
    ask: ({ roomId, eventId }) => ({
      method: 'POST',
      uri: `${V1}/get_missing_events/${id(roomId)}`,
      content: { limit: 10, earliest_events: [], latest_events: [eventId] },
    }),
    stranger: FORBIDDEN,
    member: () => ROOM_NAME,
  },
  {
    row: `GET ${V1}/event_auth/{roomId}/{eventId}`,
    ask: get(({ roomId, eventId }) => `${V1}/event_auth/${id(roomId)}/${id(eventId)}`),
    stranger: FORBIDDEN,
    member: () => 'm.room.power_levels',
  },
  {
    row: `GET ${V1}/timestamp_to_event/{roomId}`,
    ask: get(({ roomId }) => `${V1}/timestamp_to_event/${id(roomId)}?ts=0&dir=f`),
    stranger: FORBIDDEN,
    member: () => 'event_id',
  },
  {
    row: `POST ${STARLING}/events_since/{roomId}`,
    ask: ({ roomId }) => ({ method: 'POST', uri: `${STARLING}/events_since/${id(roomId)}`, content: { have: [] } }),
    stranger: FORBIDDEN,
    member: () => SECRET,
  },
  {
    row: `GET ${STARLING}/join_ids/{roomId}/{eventId}`,
    ask: get(({ roomId, eventId }) => `${STARLING}/join_ids/${id(roomId)}/${id(eventId)}`),
    stranger: FORBIDDEN,
    member: () => 'auth_chain',
  },
  {
    row: `GET ${STARLING}/state_digest/{roomId}/{eventId}`,
    ask: get(({ roomId, eventId }) => `${STARLING}/state_digest/${id(roomId)}/${id(eventId)}`),
    stranger: FORBIDDEN,
    member: () => 'digest',
  },
  {
    row: `POST ${STARLING}/state_events/{roomId}`,
    // A room of version 12 is named as its creation is, so that one id is known to whoever knows the room.
    ask: ({ roomId }) => ({
      method: 'POST',
      uri: `${STARLING}/state_events/${id(roomId)}`,
      content: { ids: roomId.slice(1) },
    }),
    stranger: FORBIDDEN,
    member: () => 'm.room.create',
  },
  {
    row: `POST ${STARLING}/extremities`,
    ask: ({ roomId }) => ({
      method: 'POST',
      uri: `${STARLING}/extremities`,
      content: { rooms: { [digestName(roomId)]: 'something else' }, reply: true },
    }),
    stranger: { answer: () => ({ differ: {}, refused: {} }) },
    member: ({ roomId }) => digestName(roomId),
  },
  {
    row: `GET ${V1}/hierarchy/{roomId}`,
    ask: get(({ roomId }) => `${V1}/hierarchy/${id(roomId)}`),
    stranger: { refused: ['M_NOT_FOUND'] },
    member: () => ROOM_NAME,
  },
  {
    row: `GET ${V1}/make_join/{roomId}/{userId}`,
    ask: get(({ roomId }, { userId }) => `${V1}/make_join/${id(roomId)}/${id(userId)}?ver=12`),
    stranger: FORBIDDEN,
    member: () => 'prev_events',
  },
  {
    row: `GET ${V1}/make_knock/{roomId}/{userId}`,
    ask: get(({ roomId }, { userId }) => `${V1}/make_knock/${id(roomId)}/${id(userId)}?ver=12`),
    stranger: FORBIDDEN,
  },
  {
    row: `GET ${V1}/make_leave/{roomId}/{userId}`,
    ask: get(({ roomId }, { userId }) => `${V1}/make_leave/${id(roomId)}/${id(userId)}`),
    stranger: FORBIDDEN,
    member: () => 'prev_events',
  },
  {
    row: `PUT ${V2}/send_join/{roomId}/{eventId}`,
    ask: (scene, asker) => forged(scene, asker, 'join', `${V2}/send_join`),
    stranger: FORBIDDEN,
  },
  {
    row: `PUT ${V1}/send_knock/{roomId}/{eventId}`,
    ask: (scene, asker) => forged(scene, asker, 'knock', `${V1}/send_knock`),
    stranger: FORBIDDEN,
  },
  {
    row: `PUT ${V2}/send_leave/{roomId}/{eventId}`,
    ask: (scene, asker) => forged(scene, asker, 'leave', `${V2}/send_leave`),
    stranger: FORBIDDEN,
  },
  {
    row: `PUT ${V2}/invite/{roomId}/{eventId}`,
    async ask(scene, asker) {
      const { uri, content = {} } = await forged(scene, asker, 'invite', `${V2}/invite`)
      return { method: 'PUT', uri, content: { event: content, room_version: '12', invite_room_state: [] } }
    },
    stranger: { refused: ['M_FORBIDDEN', 'M_MISSING_PARAM'] },
  },
  {
    row: `PUT ${V1}/send/{txnId}`,
    async ask(scene, asker) {
      const { content = {} } = await forged(scene, asker, 'join', '')
      return {
        method: 'PUT',
        uri: `${V1}/send/forged`,
        content: { origin: asker.serverName, pdus: [content], edus: [] },
      }
    },
    stranger: { tells: /^\{"content":\{"pdus":\{"\$[\w-]+":\{"error":"join_not_invited"\}\}\}\}$/ },
  },
  {
    row: `GET ${V1}/user/devices/{userId}`,
    ask: get(({ node }) => `${V1}/user/devices/${id(node.info.user_id)}`),
    stranger: FORBIDDEN,
    member: ({ node }) => node.info.user_id,
  },
  {
    row: `POST ${V1}/user/keys/claim`,
    ask: ({ node }) => ({
      method: 'POST',
      uri: `${V1}/user/keys/claim`,
      content: { one_time_keys: { [node.info.user_id]: { ANY: 'signed_curve25519' } } },
    }),
    stranger: { answer: () => ({ one_time_keys: {} }) },
  },
  {
    // Who can name a user exactly may write to it: keys are answered, names of devices are not (there are no keys here).
    row: `POST ${V1}/user/keys/query`,
    ask: ({ node }) => ({
      method: 'POST',
      uri: `${V1}/user/keys/query`,
      content: { device_keys: { [node.info.user_id]: [] } },
    }),
    stranger: {
      answer: ({ node }) => ({ device_keys: { [node.info.user_id]: {} }, master_keys: {}, self_signing_keys: {} }),
    },
  },
  {
    row: 'GET /_matrix/key/v2/query/{serverName}',
    ask: get(({ friend }) => `/_matrix/key/v2/query/${friend.serverName}`),
    stranger: { answer: () => ({ server_keys: [] }) },
    member: ({ friend }) => friend.serverName,
  },
  {
    row: `GET ${V1}/query/directory`,
    ask: get(({ server }) => `${V1}/query/directory?room_alias=${id(`#conspiracy:${server}`)}`),
    stranger: { refused: ['M_NOT_FOUND'] },
  },
  {
    row: `GET ${V1}/query/profile`,
    ask: get(({ node }) => `${V1}/query/profile?user_id=${id(node.info.user_id)}`),
    stranger: { answer: () => ({}) },
  },
  { row: `GET ${V1}/publicRooms`, ask: get(() => `${V1}/publicRooms`), stranger: { answer: () => NO_ROOMS } },
  {
    row: `POST ${V1}/publicRooms`,
    ask: () => ({ method: 'POST', uri: `${V1}/publicRooms`, content: { filter: { generic_search_term: ROOM_NAME } } }),
    stranger: { answer: () => NO_ROOMS },
  },
]

/** How a room is named where servers compare what they have: 128 bits of its id's hash. */
function digestName(roomId: RoomId): string {
  return Buffer.from(testCrypto.sha256(Buffer.from(roomId)).subarray(0, 16)).toString('base64url')
}

/**
 * A member event by the asker, whole and signed, on the room's newest event and with the auth events that it should have: the
 * asker was told everything. For an invite the member who is invited is the node's owner.
 */
async function forged(scene: Scene, asker: OpenNode, membership: Membership, path: string): Promise<Asked> {
  const { friend, node, roomId } = scene
  const rules = roomVersionRules('12')
  assert.ok(rules)
  const { engine } = friend.rooms
  const state = await engine.currentState(roomId)
  const authEvents = AUTH_SLOTS.flatMap((type) => state.get(stateSlot(type, '')) ?? [])
  const draft: PduDraft = {
    ...{ type: 'm.room.member', roomId, sender: asker.userId, content: { membership } },
    ...{ stateKey: membership === 'invite' ? node.info.user_id : asker.userId },
    ...{ prevEvents: await engine.forwardExtremities(roomId), authEvents },
    ...{ depth: 100, originServerTs: Date.now() },
  }
  const { pdu } = asker.rooms.engine.finish(eventTemplate(draft, rules), '12')
  return { method: 'PUT', uri: `${path}/${id(roomId)}/${id(pdu.eventId)}`, content: pdu.json }
}

const AUTH_SLOTS = ['m.room.power_levels', 'm.room.join_rules'] as const
type Membership = 'join' | 'knock' | 'leave' | 'invite'

suite('bad input 69: what a stranger with a node of its own is answered over real libp2p', () => {
  const things = new AsyncDisposableStack()
  let scene: Scene
  before(async () => {
    const room = await openPrivateRoom(things)
    const stranger = things.use(await OpenNode.start({ displayName: 'Stranger' }))
    await stranger.meet(room.node.info.multiaddrs)
    scene = { ...room, stranger }
  })
  after(() => things.disposeAsync())

  test('every row of the table of answers is asked for here', () => {
    const rows = scene.stranger.exchange.answers.map(({ method, path }) => `${method} ${path}`)
    const asked = new Set(ROWS.map(({ row }) => row))
    assert.deepEqual(
      rows.filter((row) => !asked.has(row)),
      [],
    )
  })

  for (const { row, ask, stranger, member } of ROWS) {
    test(`bad input 69: a stranger that asks ${row} is ${'refused' in stranger ? 'refused' : 'told nothing'}`, async () => {
      const asked = await ask(scene, scene.stranger)
      const answer = await outcomeOf(scene.stranger, scene, asked)
      const text = JSON.stringify(answer)
      for (const secret of secretsOf(scene)) assert.ok(!text.includes(secret), `${secret} is told: ${text}`)
      if ('refused' in stranger) assert.ok(stranger.refused.includes(answer.errcode ?? 'answered'), text)
      else if ('tells' in stranger) assert.match(text, stranger.tells)
      else assert.deepEqual(answer.content, stranger.answer(scene))
      assert.equal(await scene.client.stateOf(scene.roomId).then(joinedIn), 2, 'who is in the room has not changed')
    })

    if (!member) continue
    test(`twin: ${row} is answered to a member`, async () => {
      const answer = await outcomeOf(scene.friend, scene, await ask(scene, scene.friend))
      assert.ok(JSON.stringify(answer.content ?? '').includes(member(scene)), JSON.stringify(answer))
    })
  }

  test('twin: the same forged join is let into a public room', async () => {
    const { client, friend, roomId, server, stranger } = scene
    const rules = { join_rule: 'public' }
    await client.ok('PUT', `rooms/${id(roomId)}/state/m.room.join_rules`, rules)
    await eventually('the friend has the new rules', async () => {
      const rule = await friend.rooms.reader.stateEvent(roomId, 'm.room.join_rules', '')
      return rule?.pdu.content.join_rule === 'public'
    })
    const { method, uri, content } = await forged(scene, stranger, 'join', `${V2}/send_join`)
    const answer = await stranger.ask(server, method, uri, content)
    assert.ok(JSON.stringify(answer).includes(ROOM_NAME))
    assert.equal(joinedIn(await client.stateOf(roomId)), 3)
  })
})

interface Outcome {
  readonly content?: JsonObject
  readonly errcode?: string
  readonly message?: string
}

async function outcomeOf(asker: OpenNode, { server }: Scene, { method, uri, content }: Asked): Promise<Outcome> {
  try {
    return { content: await asker.ask(server, method, uri, content) }
  } catch (error) {
    const { code, errcode, message } = error as RequestError
    assert.equal(code, 'refused', String(error))
    return { ...(errcode !== undefined && { errcode }), message }
  }
}

function secretsOf({ eventId, friend }: Scene): string[] {
  return [SECRET, ROOM_NAME, eventId, friend.serverName, friend.host.peerId]
}

function joinedIn(state: readonly ClientEvent[]): number {
  return state.filter(({ type, content }) => type === 'm.room.member' && content.membership === 'join').length
}
