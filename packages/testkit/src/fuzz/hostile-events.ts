import {
  type EventId,
  eventTemplate,
  JsonError,
  type JsonObject,
  type RoomVersionRules,
  redact,
  selectAuthEvents,
  type UserId,
  withHashes,
} from '@starling/protocol'
import { testCrypto } from '../test-crypto.ts'
import type { FuzzNode } from './fuzz-node.ts'
import type { FuzzWorld, RoomView } from './fuzz-world.ts'
import { type LooseObject, mutateJson } from './mutate-json.ts'
import type { Random } from './random.ts'

interface Draft {
  readonly type: string
  readonly stateKey?: string
  readonly content: JsonObject
  readonly redacts?: EventId
}

type Kind = (world: FuzzWorld, room: RoomView, sender: UserId, random: Random) => Draft

const member = (stateKey: string, membership: string, more: JsonObject = {}): Draft => ({
  type: 'm.room.member',
  stateKey,
  content: { membership, ...more },
})
const state = (type: string, content: JsonObject, stateKey = ''): Draft => ({ type, stateKey, content })

/** What a member without power may send (few) and what it would like to (many). */
const KINDS: readonly (readonly [number, Kind])[] = [
  [
    8,
    (_w, _r, _s, random) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body: `x${random.below(1e6)}` } }),
  ],
  [1, (_w, _r, sender) => member(sender, 'join', { displayname: 'again' })],
  [1, (_w, _r, sender) => member(sender, 'leave')],
  [1, (world) => member(world.victim.userId, 'ban')],
  [1, (world) => member(world.friend.userId, 'leave')],
  [1, (world) => member(world.banned.userId, 'leave')],
  [1, (world, _r, sender) => member(sender, 'join', { join_authorised_via_users_server: world.victim.userId })],
  [
    1,
    (world) =>
      member(world.banned.userId, 'invite', {
        third_party_invite: { signed: { mxid: world.banned.userId, token: 't', signatures: {} } },
      }),
  ],
  [1, (_w, _r, sender) => state('m.room.power_levels', { users: { [sender]: 100 } })],
  [1, () => state('m.room.name', { name: 'mine now' })],
  [1, () => state('m.room.join_rules', { join_rule: 'invite' })],
  [1, (world) => state('m.room.server_acl', { allow: ['*'], deny: [world.victim.serverName] })],
  [1, (_w, room, sender) => state('m.room.create', { creator: sender, room_version: room.version })],
  [1, () => state('m.room.tombstone', { replacement_room: '!other:x' })],
  [1, (_w, _r, sender) => state('m.room.aliases', { aliases: [] }, sender.slice(sender.indexOf(':') + 1))],
  [1, () => state('m.room.third_party_invite', { public_key: 'AA', display_name: 'x', key_validity_url: 'x' }, 't')],
  [1, (_w, room, _s, random) => redaction(random.pick(room.known), room.rules)],
  [1, (_w, room, _s, random) => redaction(random.pick([...room.state.values()]), room.rules)],
  [1, (_w, _r, sender, random) => state(`x.${random.below(9)}`, {}, sender)],
]

function redaction(target: EventId, rules: RoomVersionRules): Draft {
  return { type: 'm.room.redaction', content: rules.redacts === 'content' ? { redacts: target } : {}, redacts: target }
}

/** Users that a hostile server speaks with: a bounded number, so that the state of the rooms is. */
export function userOf(node: FuzzNode, random: Random): UserId {
  return random.chance(0.7) ? node.userId : node.user(`u${random.below(4)}`)
}

/** An event that fits the room as it is, neither hashed nor signed. May be allowed, or not. */
function bareEvent(
  world: FuzzWorld,
  room: RoomView,
  author: FuzzNode,
  draft?: Draft & { sender: UserId },
): LooseObject {
  const { random } = world
  const sender = draft?.sender ?? userOf(author, random)
  const wanted = draft ?? random.weighted(KINDS)(world, room, sender, random)
  const { type, stateKey, content, redacts } = wanted
  const prevEvents = room.extremities.slice(0, 20)
  const authEvents = selectAuthEvents({ type, sender, content, stateKey }, room.state, room.rules)
  const references = new Map([...prevEvents, ...authEvents].map((id) => [id, 'A'.repeat(43)]))
  const event = eventTemplate(
    {
      ...{ type, sender, content, roomId: room.roomId, prevEvents, authEvents, depth: 20 + random.below(1_000) },
      originServerTs: world.time.now() - random.below(10_000),
      referenceHashes: references,
      ...(stateKey === undefined ? {} : { stateKey }),
      ...(redacts === undefined ? {} : { redacts }),
    },
    room.rules,
  )
  return event as LooseObject
}

/** An event that fits the room as it is, signed by its sender's server. */
export function fittingEvent(
  world: FuzzWorld,
  room: RoomView,
  author: FuzzNode,
  draft?: Draft & { sender: UserId },
): LooseObject {
  return sealed(bareEvent(world, room, author, draft), room.rules, author)
}

/** With content hash and signature of that server, where the event has a canonical form; else as it is. */
export function sealed(event: LooseObject, rules: RoomVersionRules, by: FuzzNode): LooseObject {
  try {
    const { signatures: _signatures, hashes: _hashes, ...bare } = event
    const hashed = withHashes(bare, rules, testCrypto.sha256) as LooseObject
    const { signatures } = by.keys.keyRing.sign(redact({ ...hashed, signatures: {} }, rules))
    return { ...hashed, signatures: signatures as LooseObject }
  } catch (error) {
    // Bent beyond what can be signed: thrown as it is.
    if (error instanceof JsonError || error instanceof TypeError) return event
    throw error
  }
}

type Attack = (event: LooseObject, world: FuzzWorld, room: RoomView, author: FuzzNode) => LooseObject

/** Ways to bend a fitting event. */
const ATTACKS: readonly (readonly [number, Attack])[] = [
  [10, (event, world, room, author) => mutateJson(sealed(event, room.rules, author), world.random)],
  // Signed anew, so that it gets past hash and signature and into the room's rules.
  [14, (event, world, room, author) => sealed(mutateJson(event, world.random), room.rules, author)],
  [
    6,
    (event, world, room, author) =>
      sealed({ ...event, content: mutateJson(event.content as LooseObject, world.random) }, room.rules, author),
  ],
  [6, (event, world, room, author) => sealed({ ...event, prev_events: references(world, room) }, room.rules, author)],
  [6, (event, world, room, author) => sealed({ ...event, auth_events: references(world, room) }, room.rules, author)],
  [4, (event, _world, room, author) => sealed(event, room.rules, author)],
  [2, (event, world, room, author) => swappedSignatures(sealed(event, room.rules, author), world)],
  [2, (event, world, room) => sealed(event, room.rules, world.random.pick(world.hostile))],
  [2, (event, world, room, author) => sealed({ ...event, sender: world.friend.userId }, room.rules, author)],
  [
    1,
    (event, world, room, author) => ({
      ...sealed(event, room.rules, author),
      event_id: world.random.pick(world.rooms).known[0] ?? '$x',
    }),
  ],
  [
    1,
    (event, world, room, author) =>
      sealed({ ...event, room_id: world.random.pick(world.rooms).roomId }, room.rules, author),
  ],
  [
    1,
    (event, world) => ({
      ...event,
      unsigned: mutateJson({ age: 1, prev_content: {}, redacted_because: {} }, world.random),
    }),
  ],
  [
    1,
    (event, world, room, author) =>
      sealed({ ...event, depth: world.random.pick([0, 1, 2 ** 53 - 1]) }, room.rules, author),
  ],
  [
    1,
    (event, world, room, author) =>
      sealed(
        { ...event, origin_server_ts: world.random.pick([0, 1, 2 ** 53 - 1, world.time.now() + 1e9]) },
        room.rules,
        author,
      ),
  ],
]

export function hostileEvent(world: FuzzWorld, room: RoomView, author: FuzzNode): LooseObject {
  return world.random.weighted(ATTACKS)(bareEvent(world, room, author), world, room, author)
}

/** The event as it travels. */
export function withKeys(event: LooseObject, world: FuzzWorld, author: FuzzNode): LooseObject {
  const { random } = world
  const own = author.keys.keyRing.ownServerKeys() as LooseObject
  if (random.chance(0.9)) return { ...event, server_keys: own }
  if (random.chance(0.5)) return { ...event, server_keys: mutateJson(own, random) }
  return { ...event, server_keys: random.pick(world.hostile).keys.keyRing.ownServerKeys() as LooseObject }
}

/** Event references of every wrong kind: unknown, of another room, doubled, too many, none, old. */
function references(world: FuzzWorld, room: RoomView): LooseObject[string] {
  const { random } = world
  const all = [...room.known, ...room.state.values()]
  const one = () =>
    random.weighted<() => string>([
      [4, () => random.pick(all)],
      [2, () => `$${Buffer.from(random.bytes(32)).toString('base64url')}`],
      [1, () => random.pick(random.pick(world.rooms).known)],
    ])()
  const ids = Array.from({ length: random.pick([0, 1, 1, 2, 2, 3, 5, 10, 11, 20, 21]) }, one)
  if (random.chance(0.2) && ids[0] !== undefined) ids.push(ids[0])
  return room.rules.eventReferences === 'ids' ? ids : ids.map((id) => [id, { sha256: 'A'.repeat(43) }])
}

function swappedSignatures(event: LooseObject, world: FuzzWorld): LooseObject {
  const [mine] = Object.values(event.signatures ?? {})
  const other = world.random.pick([world.victim, world.friend, ...world.hostile]).serverName
  return { ...event, signatures: { [other]: mine ?? {} } }
}
