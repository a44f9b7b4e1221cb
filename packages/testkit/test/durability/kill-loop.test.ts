import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { OwnerClient, PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'
import { checkAllLives, checkLife, type LifeRecord, slotsOf } from './check-life.ts'
import { Follower } from './follower.ts'
import { Inbox } from './inbox.ts'
import { Ledger } from './ledger.ts'
import { type LoadParts, ROOM_RECIPE, writers, writeUntilGone } from './load.ts'
import { SeededRandom } from './seeded-random.ts'

const KILLS = Number(process.env.STARLING_KILLS ?? 50)
/** The moments of the kills and what is asked again; give the printed one to repeat a run as far as the machine allows. */
const SEED = Number(process.env.STARLING_SEED ?? Date.now() % 2 ** 31)

/** A kill falls within this time after the load began, in milliseconds. */
const KILL_WITHIN_MS = 500
/** Every such kill is followed by one in the middle of the next start, while the database recovers. */
const KILL_START_EVERY = 10
const START_MS = 1_500

const EARLY_ANSWERS = fileURLToPath(new URL('early-answers.fixture.ts', import.meta.url))

const FLAGS = [...PRIVATE_FLAGS, '--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0', '--rate-limits', 'off']

/** Half of the kills at least must have hit requests under way, or the loop proves little. */
const HIT_SHARE = 0.5

/** Kills within which the loop has to find out a node that answers too early. */
const KILLS_TO_FIND_OUT = 15

/** Fifty restarts take a minute, or several where the machine is busy with other tests. */
const TIME_LIMIT_MS = 580_000

test(`bad input 77 and 14: kill -9 in a loop of ${KILLS} under load loses no acknowledged event, and a retry makes no second one`, {
  timeout: TIME_LIMIT_MS,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  await using node = await StarlingProcess.start({ flags: FLAGS })
  const random = new SeededRandom(SEED)
  const scene = await setUp(node, random)
  const { hits, killedStarting } = await killInALoop(node, scene, random, KILLS)
  await checkAllLives(scene.parts, scene.record)
  const { ledger } = scene.parts
  const acknowledged = ledger.acknowledged().length
  t.diagnostic(
    `${KILLS} kills, ${hits} of them in the middle of requests, ${killedStarting} more while starting; ${acknowledged} ` +
      `writes acknowledged of ${ledger.size}, ${scene.record.madeRooms.size} rooms made, ${scene.record.follower.syncs} syncs`,
  )
  assert.ok(hits >= KILLS * HIT_SHARE, `only ${hits} of ${KILLS} kills hit requests under way`)
  assert.ok(acknowledged > KILLS * 10, `only ${acknowledged} writes were acknowledged`)
  assert.equal(await node.stop(), 0)
})

test('bad input 77, twin: a node that acknowledges before the disk has it is found out by the same loop', {
  timeout: TIME_LIMIT_MS,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  await using node = await StarlingProcess.start({ flags: FLAGS, main: EARLY_ANSWERS })
  const random = new SeededRandom(SEED)
  const scene = await setUp(node, random)
  await assert.rejects(killInALoop(node, scene, random, KILLS_TO_FIND_OUT), (error: Error) => {
    t.diagnostic(error.message.split('\n').slice(0, 3).join(' '))
    // A lost message is also seen by who redacts it.
    assert.match(error.message, /lost|bad input 14|account data|topic|went back|redact.* answered 404/)
    return true
  })
})

/** Load, kill, start, check: so many times. @throws at the first thing that is not as it was acknowledged. */
async function killInALoop(node: StarlingProcess, scene: Scene, random: SeededRandom, kills: number) {
  const all = writers()
  let hits = 0
  let killedStarting = 0
  for (let round = 0; round < kills; round++) {
    const from = scene.parts.ledger.size
    const gone = new AbortController()
    const load = writeUntilGone(all, scene.parts, round, gone.signal)
    const following = scene.record.follower.follow(scene.parts.client, gone.signal)
    // A refusal ends the round at once, with its reason.
    await Promise.race([sleep(random.below(KILL_WITHIN_MS)), load, following])
    await node.kill()
    gone.abort()
    const [unanswered] = await Promise.all([load, following])
    if (unanswered > 0) hits += 1
    if (round % KILL_START_EVERY === 0) killedStarting += await killWhileStarting(node, random)
    await node.start()
    scene.moveTo(node.info.client_api)
    await checkLife(scene.parts, scene.receiver, scene.record, from)
  }
  return { hits, killedStarting }
}

interface Scene {
  /** Changed by `moveTo`: the node has another port after each restart. */
  parts: LoadParts
  receiver: OwnerClient
  readonly record: LifeRecord
  moveTo(baseUrl: string): void
}

async function setUp(node: StarlingProcess, random: SeededRandom): Promise<Scene> {
  const [sending, receiving] = [node.ownerSession(), node.ownerSession()]
  const client = new OwnerClient(sending)
  const receiver = new OwnerClient(receiving)
  const create = async () => String((await client.ok('POST', 'createRoom', ROOM_RECIPE)).room_id)
  const rooms = [await create(), await create()] as const
  const { user_id: userId, device_id: deviceId } = await receiver.ok('GET', 'account/whoami')
  const record: LifeRecord = {
    follower: new Follower(rooms),
    inbox: new Inbox(),
    timelines: new Map(),
    madeRooms: new Set(),
    wholeRoom: slotsOf(await client.stateOf(rooms[0])),
  }
  for (const roomId of rooms) record.timelines.set(roomId, await client.wholeRoom(roomId))
  await record.inbox.empty(receiver)
  await record.follower.sync(client, 0)
  const whom = { userId: String(userId), deviceId: String(deviceId) }
  const parts: LoadParts = { client, ledger: new Ledger(), rooms, receiver: whom, random }
  const scene: Scene = {
    ...{ parts, receiver, record },
    moveTo(baseUrl) {
      scene.parts = { ...parts, client: new OwnerClient({ ...sending, baseUrl }) }
      scene.receiver = new OwnerClient({ ...receiving, baseUrl })
    },
  }
  return scene
}

/** @returns 1 if the node died before it served. */
async function killWhileStarting(node: StarlingProcess, random: SeededRandom): Promise<number> {
  const starting = node.start().then(
    () => 0,
    () => 1,
  )
  await sleep(random.below(START_MS))
  await node.kill()
  return starting
}
