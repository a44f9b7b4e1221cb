import { RoomError } from '@starling/federation'
import {
  type EventId,
  type JsonObject,
  type Pdu,
  type RoomId,
  slotKey,
  stateSlot,
  type UserId,
} from '@starling/protocol'
import type { NodeLife } from './node-life.ts'
import type { HonestAct, Step } from './schedule-plan.ts'
import { SimRandom } from './sim-random.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { SimulatedWorld } from './simulated-world.ts'

/** A user who is about to do something, and the room as its node sees it. */
interface Actor {
  readonly world: SimulatedWorld
  readonly life: NodeLife
  readonly random: SimRandom
  readonly roomId: RoomId
  readonly user: UserId
  readonly everybody: readonly UserId[]
}

type Act = (actor: Actor) => Promise<EventId | undefined>

const LEVELS = [0, 25, 50, 75, 100]
const JOIN_RULES = ['public', 'public', 'public', 'invite', 'knock']

/** One row per act: what an honest user asks its node for. Engine and exchange decide whether it may. */
const ACTS: Readonly<Record<HonestAct, Act>> = {
  message: (actor) => send(actor, 'm.room.message', { msgtype: 'm.text', body: `m${actor.random.int(1e9)}` }),
  state: (actor) => send(actor, 'org.sim.state', { value: actor.random.int(1e9) }, String(actor.random.int(5))),
  name: (actor) => send(actor, 'm.room.name', { name: `name ${actor.random.int(1e6)}` }, ''),
  topic: (actor) => send(actor, 'm.room.topic', { topic: `topic ${actor.random.int(1e6)}` }, ''),
  powerLevels,
  joinRules: (actor) => send(actor, 'm.room.join_rules', { join_rule: actor.random.pick(JOIN_RULES) }, ''),
  historyVisibility: (actor) => {
    const history_visibility = actor.random.pick(['shared', 'shared', 'world_readable', 'joined', 'invited'])
    return send(actor, 'm.room.history_visibility', { history_visibility }, '')
  },
  invite: (actor) => change(actor, 'invite', actor.random.pick(actor.everybody)),
  kick: (actor) => change(actor, 'leave', other(actor)),
  ban: (actor) => change(actor, 'ban', other(actor)),
  unban,
  leave: (actor) => change(actor, 'leave', actor.user),
  join: (actor) => change(actor, 'join', actor.user),
  knock: (actor) => change(actor, 'knock', actor.user),
  redact,
}

/** Acts that make sense for somebody who is not in the room; others become an attempt to get in. */
const FROM_OUTSIDE: ReadonlySet<HonestAct> = new Set(['join', 'knock'])

/** Lets one of the node's users try the act. Resolves once it is done or refused; never where the node dies meanwhile. */
export async function actHonestly(node: SimulatedNode, { act, salt }: Extract<Step, { kind: 'act' }>): Promise<void> {
  const { world } = node
  const { life } = node
  const { roomId } = world
  if (!life || roomId === undefined) return
  const random = new SimRandom(world.plan.seed, `act ${salt}`)
  const users = random.chance(0.75) ? node.users : [...node.users].reverse()
  for (const user of users) {
    const actor: Actor = { world, life, random, roomId, user, everybody: everybodyIn(world) }
    const isIn = (await life.rooms.reader.membership(roomId, user))?.membership === 'join'
    const first = isIn || FROM_OUTSIDE.has(act) ? act : 'join'
    // What is refused becomes a message, so that about as many events are made as there are steps.
    for (const chosen of isIn && first !== 'message' ? [first, 'message' as const] : [first]) {
      if (await tryAct(node, actor, chosen)) return
      if (!life.isAlive) return
    }
  }
}

async function tryAct(node: SimulatedNode, actor: Actor, act: HonestAct): Promise<boolean> {
  const { world, life, user, roomId } = actor
  const wasIn = life.engine.isServerJoined(roomId, node.name)
  const outcome = await outcomeOf(ACTS[act](actor))
  if (!life.isAlive) return false
  world.trace.add(`act ${user} ${act} ${outcome.eventId ?? outcome.refusal ?? 'nothing'}`)
  if (outcome.eventId === undefined) return false
  // A knock, and a leave of who was only invited, stand in the room of others and not here.
  if (wasIn || act === 'join') node.acknowledge(outcome.eventId)
  world.authored.set(outcome.eventId, node.name)
  if (MEMBERSHIP_ACTS.has(act)) world.counts.churn++
  if (act === 'ban') world.counts.ban++
  if (Math.abs(world.plan.skews[node.index] ?? 0) > HOUR) world.counts.clockSkew++
  return true
}

const HOUR = 3_600_000
const MEMBERSHIP_ACTS: ReadonlySet<HonestAct> = new Set(['kick', 'ban', 'leave', 'join'])

async function outcomeOf(
  work: Promise<EventId | undefined>,
): Promise<{ readonly eventId?: EventId | undefined; readonly refusal?: string }> {
  try {
    return { eventId: await work }
  } catch (error) {
    if (error instanceof RoomError) return { refusal: error.code }
    throw error
  }
}

export function everybodyIn(world: SimulatedWorld): UserId[] {
  return Array.from({ length: world.plan.nodes }, (_, index) =>
    ['a', 'b'].map((local) => `@${local}:n${index}.sim`),
  ).flat() as UserId[]
}

function send(
  { life, roomId, user }: Actor,
  type: string,
  content: JsonObject,
  stateKey?: string,
  redacts?: EventId,
): Promise<EventId> {
  return life.engine.send({
    ...{ roomId, sender: user, type, content },
    ...(stateKey === undefined ? {} : { stateKey }),
    ...(redacts === undefined ? {} : { redacts }),
  })
}

async function change(
  actor: Actor,
  membership: 'join' | 'invite' | 'leave' | 'ban' | 'knock',
  target: UserId,
): Promise<EventId | undefined> {
  const { world, life, roomId, user, random } = actor
  const via = random.shuffled(world.network.connectedTo(life.name)).slice(0, 3)
  const { eventId } = await life.exchange.changeMembership({ roomId, sender: user, target, membership, via })
  return eventId
}

function other({ random, everybody, user }: Actor): UserId {
  return random.pick(everybody.filter((one) => one !== user))
}

async function unban(actor: Actor): Promise<EventId | undefined> {
  const banned: UserId[] = []
  for (const user of actor.everybody) {
    const member = await actor.life.rooms.reader.membership(actor.roomId, user)
    if (member?.membership === 'ban') banned.push(user)
  }
  return banned.length === 0 ? undefined : change(actor, 'leave', actor.random.pick(banned))
}

/** Gives somebody another level; the author's own creator's level is never touched, so that somebody stays in charge. */
async function powerLevels(actor: Actor): Promise<EventId | undefined> {
  const { random, everybody, world } = actor
  const current = await stateEvent(actor, 'm.room.power_levels')
  const target = random.pick(everybody.filter((one) => one !== world.creator))
  const users = { ...((current?.content.users ?? {}) as JsonObject), [target]: random.pick(LEVELS) }
  const content: JsonObject = { ...current?.content, users }
  if (random.chance(0.15)) return send(actor, 'm.room.power_levels', { ...content, ban: random.pick([50, 50, 75]) }, '')
  return send(actor, 'm.room.power_levels', content, '')
}

async function redact(actor: Actor): Promise<EventId | undefined> {
  const { life, random, roomId } = actor
  const [head] = await life.engine.forwardExtremities(roomId)
  let target = head
  for (let steps = random.int(8); steps > 0 && target !== undefined; steps--) {
    const event: Pdu | undefined = (await life.engine.events([target])).get(target)?.pdu
    const parent: EventId | undefined = event?.prevEvents[0]
    if (parent === undefined) break
    target = parent
  }
  return target === undefined ? undefined : send(actor, 'm.room.redaction', { reason: 'sim' }, undefined, target)
}

async function stateEvent({ life, roomId }: Actor, type: string): Promise<Pdu | undefined> {
  const id = (await life.engine.currentState(roomId)).get(stateSlot(type, ''))
  return id === undefined ? undefined : (await life.engine.events([id])).get(id)?.pdu
}

/** Users with that membership in a state, as far as their events are at hand. */
export async function membersWith(
  life: NodeLife,
  state: ReadonlyMap<string, EventId>,
  wanted: string,
): Promise<UserId[]> {
  const slots = [...state].filter(([slot]) => slotKey(slot as Parameters<typeof slotKey>[0]).type === 'm.room.member')
  const events = await life.engine.events(slots.map(([, id]) => id))
  return [...events.values()].flatMap(({ pdu }) =>
    pdu.content.membership === wanted && pdu.stateKey !== undefined ? [pdu.stateKey as UserId] : [],
  )
}
