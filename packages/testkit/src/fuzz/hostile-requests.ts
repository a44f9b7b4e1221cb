import { JsonError, type JsonObject } from '@starling/protocol'
import type { FuzzNode } from './fuzz-node.ts'
import type { FuzzWorld, RoomView } from './fuzz-world.ts'
import { hostileEdus } from './hostile-edus.ts'
import { fittingEvent, hostileEvent, userOf, withKeys } from './hostile-events.ts'
import { type LooseObject, mutateJson } from './mutate-json.ts'

export const REQUEST_PROTOCOL = '/starling/request/1'
const V1 = '/_matrix/federation/v1'
const V2 = '/_matrix/federation/v2'
const OWN = '/_starling/federation/v1'

export interface Asked {
  readonly method: string
  readonly uri: string
  readonly content?: LooseObject
}

type Row = (world: FuzzWorld, room: RoomView, from: FuzzNode) => Asked

const enc = encodeURIComponent
const get = (uri: string): Asked => ({ method: 'GET', uri })
const someEvent = ({ random }: FuzzWorld, room: RoomView): string =>
  random.pick([...room.known, ...room.state.values()])

/** A well-formed request for every row of the answer table; what is bent is bent afterwards. */
export const ROWS: Readonly<Record<string, Row>> = {
  make_join: (world, room, from) =>
    get(`${V1}/make_join/${enc(room.roomId)}/${enc(userOf(from, world.random))}?ver=${room.version}&ver=1`),
  make_leave: (world, room, from) => get(`${V1}/make_leave/${enc(room.roomId)}/${enc(userOf(from, world.random))}`),
  make_knock: (world, room, from) =>
    get(`${V1}/make_knock/${enc(room.roomId)}/${enc(userOf(from, world.random))}?ver=${room.version}`),
  send_join: (world, room, from) => handshake(world, room, from, 'join', `${V2}/send_join`),
  send_leave: (world, room, from) => handshake(world, room, from, 'leave', `${V2}/send_leave`),
  send_knock: (world, room, from) => handshake(world, room, from, 'knock', `${V1}/send_knock`),
  invite: invite,
  backfill: (world, room) =>
    get(
      `${V1}/backfill/${enc(room.roomId)}?v=${enc(someEvent(world, room))}&limit=${world.random.pick([1, 100, 1e9])}`,
    ),
  get_missing_events: (world, room) => ({
    method: 'POST',
    uri: `${V1}/get_missing_events/${enc(room.roomId)}`,
    content: {
      earliest_events: [someEvent(world, room)],
      latest_events: [someEvent(world, room)],
      limit: 20,
      min_depth: 0,
    },
  }),
  event: (world, room) => get(`${V1}/event/${enc(someEvent(world, room))}`),
  event_auth: (world, room) => get(`${V1}/event_auth/${enc(room.roomId)}/${enc(someEvent(world, room))}`),
  state: (world, room) => get(`${V1}/state/${enc(room.roomId)}?event_id=${enc(someEvent(world, room))}`),
  state_ids: (world, room) => get(`${V1}/state_ids/${enc(room.roomId)}?event_id=${enc(someEvent(world, room))}`),
  timestamp_to_event: (world, room) =>
    get(
      `${V1}/timestamp_to_event/${enc(room.roomId)}?ts=${world.time.now()}&dir=${world.random.pick(['f', 'b', 'x'])}`,
    ),
  send: transaction,
  hierarchy: (_world, room) => get(`${V1}/hierarchy/${enc(room.roomId)}?suggested_only=false`),
  profile: (world) => get(`${V1}/query/profile?user_id=${enc(world.victim.userId)}&field=displayname`),
  directory: (world) => get(`${V1}/query/directory?room_alias=${enc(`#a:${world.victim.serverName}`)}`),
  public_rooms: () => get(`${V1}/publicRooms?limit=10`),
  search_public_rooms: () => ({
    method: 'POST',
    uri: `${V1}/publicRooms`,
    content: { limit: 10, filter: { generic_search_term: 'x' } },
  }),
  keys_query: (world) => ({
    method: 'POST',
    uri: `${V1}/user/keys/query`,
    content: { device_keys: { [world.victim.userId]: [] } },
  }),
  keys_claim: (world) => ({
    method: 'POST',
    uri: `${V1}/user/keys/claim`,
    content: { one_time_keys: { [world.victim.userId]: { D: 'signed_curve25519' } } },
  }),
  user_devices: (world) => get(`${V1}/user/devices/${enc(world.victim.userId)}`),
  server_keys: (world) => get(`/_matrix/key/v2/query/${world.victim.serverName}`),
  events_since: (world, room) => ({
    method: 'POST',
    uri: `${OWN}/events_since/${enc(room.roomId)}`,
    content: { have: [someEvent(world, room)], plan: 'p', from: 0 },
  }),
  extremities: () => ({
    method: 'POST',
    uri: `${OWN}/extremities`,
    content: { rooms: { hash: 'digest' }, reply: true },
  }),
  owner: () => get(`${OWN}/owner`),
  nothing: () => get('/_matrix/client/v3/sync?timeout=30000'),
}

function handshake(world: FuzzWorld, room: RoomView, from: FuzzNode, membership: string, path: string): Asked {
  const { random } = world
  const sender = userOf(from, random)
  const draft = { type: 'm.room.member', stateKey: sender, content: { membership }, sender }
  const event = random.chance(0.4) ? fittingEvent(world, room, from, draft) : hostileEvent(world, room, from)
  const carried = withKeys(event, world, from)
  const id = `$${Buffer.from(random.bytes(32)).toString('base64url')}`
  return { method: 'PUT', uri: `${path}/${enc(room.roomId)}/${enc(id)}`, content: carried }
}

function invite(world: FuzzWorld, room: RoomView, from: FuzzNode): Asked {
  const { random } = world
  const draft = {
    type: 'm.room.member',
    stateKey: world.victim.userId,
    content: { membership: 'invite' },
    sender: from.userId,
  }
  const roomId = random.chance(0.5) ? world.trap : room.roomId
  const event = { ...fittingEvent(world, { ...room, roomId }, from, draft) }
  const stripped = { type: 'm.room.name', sender: from.userId, state_key: '', content: { name: 'come in' } }
  const content: LooseObject = {
    room_version: room.version,
    event: withKeys(event, world, from),
    invite_room_state: [stripped],
  }
  return { method: 'PUT', uri: `${V2}/invite/${enc(roomId)}/${enc(`$${'i'.repeat(43)}`)}`, content }
}

function transaction(world: FuzzWorld, room: RoomView, from: FuzzNode): Asked {
  const { random } = world
  const pdus = Array.from({ length: random.pick([0, 1, 1, 1, 2]) }, () =>
    withKeys(hostileEvent(world, room, from), world, from),
  )
  // Over the limit of a transaction, and the same event many times over.
  if (pdus[0] && random.chance(0.1))
    pdus.push(...Array.from({ length: random.pick([20, 50]) }, () => pdus[0] as LooseObject))
  const edus = random.chance(0.5) ? hostileEdus(world, room, from) : []
  return {
    method: 'PUT',
    uri: `${V1}/send/t${random.below(2 ** 31)}`,
    content: { origin: from.serverName, origin_server_ts: world.time.now(), pdus, edus },
  }
}

type UriBender = (uri: string, world: FuzzWorld) => string

const URI_BENDERS: readonly UriBender[] = [
  (uri) => uri.replace(/%21|%24|%40/i, '%'),
  (uri) => uri.replaceAll('%', '%25'),
  (uri, { random }) =>
    `${uri}${random.pick(['/', '?', '&x=%00', '%ff', '?event_id=%E0%A4%A', '&limit=-1', '&limit=NaN', '/..%2f..'])}`,
  (uri) => decodeURIComponent(uri),
  (uri, { random }) =>
    uri.replace(
      /[^/?&=]+$/,
      random.pick(['', '%00', '..', '%2e%2e%2f', '!a%00:b', '__proto__', `%24${'A'.repeat(3_000)}`]),
    ),
  (uri) => uri.replace('/v1/', '/v2/'),
  (uri) => `http://127.0.0.1:8008${uri}`,
  (uri) => uri.slice(1),
  (uri, { random }) =>
    `${uri.slice(0, uri.indexOf('?') + 1)}${Array.from({ length: 70 }, () => `v=%24${random.below(1e6)}`).join('&')}`,
]

/** A signed frame for one row, bent in its content, address, method or envelope. */
export function hostileRequest(
  world: FuzzWorld,
  room: RoomView,
  from: FuzzNode,
): { readonly name: string; readonly json: LooseObject } {
  const { random } = world
  const name = random.chance(0.25) ? 'send' : random.pick(Object.keys(ROWS))
  const asked = (ROWS[name] as Row)(world, room, from)
  const bend = random.below(10)
  const content = asked.content && bend < 5 ? mutateJson(asked.content, random) : asked.content
  const uri = bend === 5 || bend === 6 ? random.pick(URI_BENDERS)(asked.uri, world) : asked.uri
  const method = bend === 7 ? random.pick(['GET', 'PUT', 'POST', 'DELETE', 'get', '']) : asked.method
  const fields: LooseObject = {
    ...{ method, uri, origin: from.serverName, destination: world.victim.serverName },
    origin_server_ts: world.time.now() + random.pick([0, 0, 0, 0, 0, 0, -400_000, 400_000, -60_000]),
    nonce: Buffer.from(random.bytes(16)).toString('base64url'),
    ...(content === undefined ? {} : { content }),
  }
  const bent = bend === 8 ? mutateJson(fields, random) : fields
  return { name, json: signedFrame(bent, from) }
}

/** Signed with a valid key where it has a canonical form, else with none. */
export function signedFrame(fields: LooseObject, from: FuzzNode): LooseObject {
  const serverKeys = from.keys.keyRing.ownServerKeys() as LooseObject
  try {
    return { ...(from.keys.keyRing.sign(fields as JsonObject) as LooseObject), server_keys: serverKeys }
  } catch (error) {
    if (error instanceof JsonError) return { ...fields, server_keys: serverKeys }
    throw error
  }
}
