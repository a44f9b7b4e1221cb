import { RoomError } from '@starling/federation'
import type { JsonObject, UserId } from '@starling/protocol'
import type { SimulatedNode } from './simulated-node.ts'
import type { SimulatedWorld } from './simulated-world.ts'

/** Tries to enter, and virtual milliseconds between two. */
const TRIES = 10
const PAUSE = 1_500

/** The first node's first user makes a public room in which the others have the levels of the plan. */
export async function makeRoom(world: SimulatedWorld, node: SimulatedNode): Promise<void> {
  const { life } = node
  const [creator] = node.users
  if (!life || !creator) throw new Error('the first node is not there')
  const { plan } = world
  const isPrivileged = plan.roomVersion === '12'
  const users: Record<string, number> = isPrivileged ? {} : { [creator]: 100 }
  for (let index = 1; index < plan.nodes; index++) users[`@a:n${index}.sim`] = plan.levels[index] ?? 0
  const events: JsonObject = { 'm.room.name': 0, 'm.room.topic': 25, 'org.sim.state': 0 }
  world.creator = creator
  world.roomId = await life.engine.create({
    ...{ creator, roomVersion: plan.roomVersion, creationContent: {} },
    events: [
      { type: 'm.room.power_levels', stateKey: '', content: { users, events, invite: 0 } },
      { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } },
      { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } },
    ],
  })
  world.trace.add(`room ${world.roomId} version ${plan.roomVersion}`)
}

/** The node's first user joins, and tries again for a while where that fails. */
export function enterRoom(node: SimulatedNode, delay: number, tries = TRIES): void {
  const { world } = node
  if (tries === 0) return
  world.scheduler.after(delay, () => {
    let isTried = false
    const again = () => {
      if (!isTried) enterRoom(node, PAUSE, tries - 1)
      isTried = true
    }
    const { life } = node
    const [user] = node.users
    if (!life || !user || world.roomId === undefined) return again()
    life.quietly(
      join(node, user).then((done) => {
        if (done) isTried = true
        else again()
      }),
    )
    life.whenDead(again)
  })
}

async function join(node: SimulatedNode, user: UserId): Promise<boolean> {
  const { life, world } = node
  const { roomId } = world
  if (!life || roomId === undefined) return false
  const via = world.network.connectedTo(node.name)
  try {
    const change = { roomId, sender: user, target: user, membership: 'join', via } as const
    const { eventId } = await life.exchange.changeMembership(change)
    if (!life.isAlive) return false
    world.trace.add(`entered ${user} ${eventId ?? 'before'}`)
    if (eventId === undefined) return true
    node.acknowledge(eventId)
    world.authored.set(eventId, node.name)
    return true
  } catch (error) {
    if (!(error instanceof RoomError)) throw error
    world.trace.add(`not entered ${user} ${error.code}`)
    return false
  }
}
