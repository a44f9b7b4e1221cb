import { JsonError, type KeyId, signJson } from '@starling/protocol'
import { testCrypto } from '../test-crypto.ts'
import { describe, isBug } from './fault-log.ts'
import { FILE_ID, type FuzzNode } from './fuzz-node.ts'
import { type FuzzWorld, nameOf, type RoomView } from './fuzz-world.ts'
import { hostileEdus } from './hostile-edus.ts'
import { hostileEvent, withKeys } from './hostile-events.ts'
import { hostileRequest, REQUEST_PROTOCOL, signedFrame } from './hostile-requests.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { type LooseObject, mutateJson } from './mutate-json.ts'

export const KEYS_PROTOCOL = '/starling/keys/1'
const MEDIA_PROTOCOL = '/starling/media/1'
const utf8 = new TextEncoder()

/** Bytes, and the entry point that they are thrown at. `throw` resolves with the verdict that is counted. */
export interface Mutant {
  readonly name: string
  readonly bytes: Uint8Array
  throw(): Promise<string>
}

type Maker = (world: FuzzWorld, room: RoomView, from: FuzzNode) => Mutant

/** The mutants that are bytes coming in, by how often. */
const MAKERS: readonly (readonly [number, Maker])[] = [
  [52, gossipPdu],
  [6, gossipEdus],
  [34, requestFrame],
  [4, keysFrame],
  [4, mediaFrame],
]

export function nextMutant(world: FuzzWorld): Mutant {
  const { random } = world
  const room = random.pick(world.rooms)
  const from = random.weighted<FuzzNode>([
    [8, world.members[0]],
    [8, world.members[1]],
    [2, world.banned],
    [2, world.stranger],
  ])
  return random.weighted(MAKERS)(world, room, from)
}

function gossipPdu(world: FuzzWorld, room: RoomView, from: FuzzNode): Mutant {
  return gossip('pdu', withKeys(hostileEvent(world, room, from), world, from), world, room, from)
}

function gossipEdus(world: FuzzWorld, room: RoomView, from: FuzzNode): Mutant {
  const { random } = world
  const batch: LooseObject = {
    ...{ origin: from.serverName, room_id: room.roomId, origin_server_ts: world.time.now() },
    edus: hostileEdus(world, room, from),
  }
  return gossip('edus', signedFrame(random.chance(0.3) ? mutateJson(batch, random) : batch, from), world, room, from)
}

function gossip(name: string, json: LooseObject, world: FuzzWorld, room: RoomView, from: FuzzNode): Mutant {
  const bytes = encode(json, world)
  // An outsider's messages come on by members too.
  const carrier = world.random.chance(0.3) ? world.random.pick(world.members) : from
  return {
    name: `gossip ${name}`,
    bytes,
    throw: () => guarded(world, `gossip ${name}`, () => world.victim.host.hear(carrier.host.peerId, room.topic, bytes)),
  }
}

/** The last frames sent, for replays. */
const MAX_FRAMES = 50
const frames = new WeakMap<FuzzWorld, Uint8Array[]>()

function requestFrame(world: FuzzWorld, room: RoomView, from: FuzzNode): Mutant {
  const { random } = world
  const sent = frames.get(world) ?? []
  frames.set(world, sent)
  const request = hostileRequest(world, room, from)
  const bytes = sent.length > 0 && random.chance(0.03) ? random.pick(sent) : encode(request.json, world)
  sent.push(bytes)
  if (sent.length > MAX_FRAMES) sent.shift()
  const name = `request ${request.name}`
  return { name, bytes, throw: () => guarded(world, name, () => ask(world, from, bytes)) }
}

/** Sends a request frame and names the answer; a 500 is a fault. */
export async function ask(world: FuzzWorld, from: FuzzNode, bytes: Uint8Array): Promise<string> {
  const answer = await world.victim.host.serve(from.host.peerId, REQUEST_PROTOCOL, bytes)
  const { status, content } = JSON.parse(Buffer.from(answer).toString()) as { status: number; content: LooseObject }
  // 502 is a relay's word that nobody answered it; 500 is what no request may lead to.
  if (status === 500) world.faults.add('internal', `answered ${status} ${JSON.stringify(content)}`)
  return status === 200 ? '200' : `${status} ${String(content.errcode)}`
}

/**
 * Keys of the one peer that has nothing to lose: bent ones under a valid identity signature stand in for the honest ones, and
 * would shut out a member for the rest of the run.
 */
function keysFrame(world: FuzzWorld): Mutant {
  const { random, stranger } = world
  const own = stranger.keys.keyRing.ownServerKeys() as LooseObject
  const { signatures: _signatures, ...bare } = own
  const serverKeys = random.chance(0.6) ? signedByIdentity(mutateJson(bare, random), stranger) : mutateJson(own, random)
  const message = { server_keys: serverKeys, want: [world.victim.serverName, world.friend.serverName] }
  const bytes = encode(random.chance(0.3) ? mutateJson(message, random) : message, world)
  return {
    name: 'keys',
    bytes,
    throw: () =>
      guarded(world, 'keys', async () => {
        await world.victim.host.serve(stranger.host.peerId, KEYS_PROTOCOL, bytes)
        return 'answered'
      }),
  }
}

function signedByIdentity(keys: LooseObject, node: FuzzNode): LooseObject {
  const name = node.host.peerId.slice('peer-'.length)
  const seed = testCrypto.sha256(utf8.encode(`identity of ${name}`))
  try {
    return signJson(
      keys,
      { server: node.serverName, keyId: 'ed25519:identity' as KeyId, seed },
      testCrypto.ed25519,
    ) as LooseObject
  } catch (error) {
    if (error instanceof JsonError) return keys
    throw error
  }
}

function mediaFrame(world: FuzzWorld, _room: RoomView, from: FuzzNode): Mutant {
  const { random } = world
  const header = utf8.encode(
    JSON.stringify(mutateJson({ media_id: FILE_ID, from: random.below(100_001), to: 100_000 }, random)),
  )
  const frame = new Uint8Array(4 + header.length)
  new DataView(frame.buffer).setUint32(0, header.length)
  frame.set(header, 4)
  const bytes = random.chance(0.4) ? mutateBytes(frame, random) : frame
  return { name: 'media', bytes, throw: () => guarded(world, 'media', () => readMedia(world, from, bytes)) }
}

async function readMedia(world: FuzzWorld, from: FuzzNode, bytes: Uint8Array): Promise<string> {
  const { stream, done } = world.victim.host.acceptStream(from.host.peerId, MEDIA_PROTOCOL)
  await stream.write(bytes)
  await stream.closeWrite()
  let size = 0
  try {
    for (let chunk = await stream.read(); chunk; chunk = await stream.read()) size += chunk.length
  } finally {
    await done
  }
  return size > 1_000 ? 'file' : 'no file'
}

/** Names what came of it. What is thrown out of an entry point has to be a refusal, not a bug. */
export async function guarded(world: FuzzWorld, name: string, work: () => Promise<string>): Promise<string> {
  try {
    const outcome = await work()
    // Refusals of requests are counted together, answers by what was asked: those show how deep the mutants got.
    return `${outcome.startsWith('4') ? 'request' : name}: ${outcome}`
  } catch (error) {
    if (isBug(error)) world.faults.add('internal', `${name} threw ${describe(error)}`)
    return `${name.split(' ', 1)[0]}: ${nameOf(error)}`
  }
}

function encode(json: LooseObject, { random }: FuzzWorld): Uint8Array {
  const bytes = utf8.encode(JSON.stringify(json))
  return random.chance(0.08) ? mutateBytes(bytes, random) : bytes
}
