import {
  type EventId,
  type Pdu,
  roomVersionRules,
  type ServerName,
  type StateMap,
  serverOf,
  type UserId,
} from '@starling/protocol'
import { eventTable } from './event-table.ts'
import { everybodyIn } from './honest-authors.ts'
import { membersOf } from './member-group.ts'
import { isCheckedNaively, naiveReference } from './naive-reference.ts'
import { type NodeView, readView, stateText } from './node-view.ts'
import { differingSlots, type ReferenceRoom, referenceRoom } from './reference-room.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { SimulatedWorld } from './simulated-world.ts'

export interface Convergence {
  /** What honest nodes do not agree on, or what is wrong though they do. Empty: all is well. */
  readonly problems: readonly string[]
  /** Honest nodes that were compared. */
  readonly group: readonly ServerName[]
  /** Hash-free text of what the group agreed on, for the trace. */
  readonly outcome: string
  /** Honest nodes that are in a room of their own: see `outsiders`. */
  readonly apart: number
  /**
   * False where some event's ancestors were never seen by anybody, or the honest members that are left have only liars to ask, so
   * that only the nodes can be compared.
   */
  readonly hasReference: boolean
  /** Where a trace is kept: every event and what became of it. */
  readonly table: readonly string[]
}

/** How slots of members begin. */
const MEMBER = '13:m.room.member'

/** Compares what is on the disks of the honest nodes that are in the room, after everything has healed. */
export async function assertConvergence(world: SimulatedWorld, nodes: readonly SimulatedNode[]): Promise<Convergence> {
  const { roomId, plan, checks } = world
  const rules = roomVersionRules(plan.roomVersion)
  if (roomId === undefined || !rules)
    return { problems: ['no room was made'], group: [], apart: 0, outcome: '', hasReference: false, table: [] }
  const users = everybodyIn(world)
  const candidates = new Set<EventId>([...checks.events.keys(), ...world.authored.keys()])
  const views: NodeView[] = []
  for (const node of nodes) views.push(await readView(node, roomId, candidates, users))
  const events = allEvents(world, views)
  const honest = views.filter(({ node }) => !node.isByzantine)
  const group = membersOf(honest, (view, other) => view.joinedServers.has(other.name))
  const strays = outsiders(world, honest, group)
  const problems = [
    ...world.breaches.map((breach) => `breach: ${breach}`),
    ...honest.flatMap(lostAcknowledged),
    ...honest.flatMap(inconsistentIndexes),
    ...differences(group, events),
    ...strays.problems,
  ]
  const reference = isCheckedNaively(plan.seed)
    ? naiveReference(events.values(), plan.roomVersion)
    : referenceRoom(events.values(), rules, world.crypto.ed25519)
  const hasReference =
    group.length > 0 && !dependOnLiars(world, group, events) && group.every((view) => canJudge(view, reference))
  if (hasReference) for (const view of group) problems.push(...againstReference(view, reference))
  const [first] = group
  const outcome = first ? `${first.extremities.join(',')}\n${stateText(first.state)}` : ''
  const table = world.options.keepTrace ? eventTable(events, views) : []
  return { problems, group: group.map(({ name }) => name), apart: strays.apart, outcome, hasReference, table }
}

/**
 * A node that is in the room by its own state, and that all in the group have removed, has not heard of it: a stranger is told nothing.
 * Where only some of the group have removed it, they do not agree. Where the group takes it for a member and it nobody of them, it
 * gives them no hearing and they it not theirs (decision 0014): what each knows that the other does not cannot come together
 * without that, and both stand by what they know. But whom it has removed it has to tell so.
 */
function outsiders(
  world: SimulatedWorld,
  honest: readonly NodeView[],
  group: readonly NodeView[],
): { readonly problems: readonly string[]; readonly apart: number } {
  const problems: string[] = []
  let apart = 0
  for (const view of honest) {
    const holders = group.filter((member) => member.joinedServers.has(view.name))
    if (group.length < 2 || group.includes(view) || !view.joinedServers.has(view.name) || holders.length === 0) continue
    const isDispute = ({ name }: NodeView) =>
      view.joinedServers.has(name) || (hasRemoved(view, name) && !world.told.has(`${view.name} ${name}`))
    const seen = [view, ...holders].map(({ name, joinedServers }) => `${name}: ${[...joinedServers].sort().join()}`)
    if (!holders.some(isDispute)) apart++
    else problems.push(`${view.name} and ${namesOf(holders)} disagree on who is in the room (${seen.join('; ')})`)
  }
  return { problems, apart }
}

/** Does its state hold a kick or a ban of a user of the server? */
function hasRemoved({ state, pdus }: NodeView, server: ServerName): boolean {
  return [...state].some(([slot, id]) => {
    const { sender, stateKey, content } = pdus.get(id) ?? {}
    const isRemoval = sender !== stateKey && (content?.membership === 'leave' || content?.membership === 'ban')
    return slot.startsWith(MEMBER) && isRemoval && serverOf(stateKey as UserId) === server
  })
}

/**
 * What a node acknowledged it keeps, and does not reject, with one exception: what it said after it had been told a false state, by
 * a byzantine member or by one who had it from there and did not know better yet. It made that by the only word it had, and may find when
 * it has the history that it was not allowed. That it is rejected rightly is seen by comparing it with the others, and from scratch.
 */
function lostAcknowledged({ name, node, standing }: NodeView): string[] {
  const misledAt = node.world.misled.get(name) ?? Number.POSITIVE_INFINITY
  return [...node.acknowledged].flatMap(([id, at]) => {
    const found = standing.get(id)
    if (found === undefined) return [`${name} acknowledged ${id} and has lost it`]
    return found === 'rejected' && at < misledAt ? [`${name} acknowledged ${id} and has rejected it`] : []
  })
}

/** Lists that a node keeps beside the state, for speed, have to say what the state says. */
function inconsistentIndexes(view: NodeView): string[] {
  const problems: string[] = []
  const joined = new Set<ServerName>()
  for (const [slot, id] of view.state) {
    const membership = view.pdus.get(id)?.content.membership
    if (!slot.startsWith(MEMBER)) continue
    const user = slot.slice(MEMBER.length) as UserId
    if (membership === 'join') joined.add(serverOf(user))
    const shown = view.memberships.get(user)
    if (view.joinedServers.has(view.name) && view.pdus.has(id) && shown !== membership) {
      problems.push(`${view.name} shows ${user} as ${shown}, its state says ${String(membership)}`)
    }
    if (membership === 'ban' && shown === 'join') problems.push(`${view.name} shows the banned ${user} as joined`)
  }
  const unknown = [...view.state].some(([slot, id]) => slot.startsWith(MEMBER) && !view.pdus.has(id))
  const same = joined.size === view.joinedServers.size && [...joined].every((server) => view.joinedServers.has(server))
  if (!same && !unknown) {
    problems.push(
      `${view.name} counts ${[...view.joinedServers].sort().join()} as joined, its state ${[...joined].sort().join()}`,
    )
  }
  return problems
}

function differences(group: readonly NodeView[], events: ReadonlyMap<EventId, Pdu>): string[] {
  const [first, ...others] = group
  if (!first) return []
  const problems: string[] = []
  for (const other of others) {
    const pair = `${first.name} and ${other.name}`
    const slots = differingSlots(first.state, other.state)
    if (slots.length > 0) problems.push(`${pair} differ in state: ${slots.join('; ')}`)
    if (first.extremities.join() !== other.extremities.join()) {
      problems.push(`${pair} differ in forward extremities: ${first.extremities.join()} / ${other.extremities.join()}`)
    }
  }
  for (const view of group)
    for (const other of group) if (view !== other) problems.push(...missingOf(view, other, events))
  return problems
}

/**
 * What `from` accepted and stands on has to stand in `view` too, unless it is from before `view` came in; and what both have is judged
 * alike. (What a user said after being removed, before it was known there, nothing stands on: only its own node has it.)
 */
function missingOf(view: NodeView, from: NodeView, events: ReadonlyMap<EventId, Pdu>): string[] {
  const history = ancestorsOf(view.backward, events)
  const room = ancestorsOf(from.extremities, events)
  const problems: string[] = []
  for (const [id, standing] of from.standing) {
    const here = view.standing.get(id)
    if (here === undefined) {
      if (standing === 'accepted' && room.has(id) && !history.has(id))
        problems.push(`${view.name} lacks ${id}, which ${from.name} accepted`)
    } else if ((here === 'rejected') !== (standing === 'rejected') && view.name < from.name) {
      problems.push(`${id} is ${here} at ${view.name}, ${standing} at ${from.name}`)
    }
  }
  return problems
}

/** The ids and all that comes before them, as far as anybody knows. */
function ancestorsOf(ids: readonly EventId[], events: ReadonlyMap<EventId, Pdu>): ReadonlySet<EventId> {
  const found = new Set<EventId>()
  const open = [...ids]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...(events.get(id)?.prevEvents ?? []))
  }
  return found
}

/** Every event that anybody has seen, in the form its author gave it where that is known. */
export function allEvents(world: SimulatedWorld, views: readonly NodeView[]): ReadonlyMap<EventId, Pdu> {
  const events = new Map(world.checks.events)
  for (const { pdus } of views) for (const [id, pdu] of pdus) if (!events.has(id)) events.set(id, pdu)
  return events
}

/**
 * All honest members that are left were given a false state, and the history that would show it is with none of them: liars alone can
 * tell them (decision 0019, "What is left"). They still have to agree among themselves.
 */
function dependOnLiars(
  { misled }: SimulatedWorld,
  group: readonly NodeView[],
  events: ReadonlyMap<EventId, Pdu>,
): boolean {
  if (!group.every(({ name }) => misled.has(name))) return false
  const ends = group.flatMap(({ extremities }) => extremities)
  return [...ancestorsOf(ends, events)].some((id) => group.every(({ standing }) => !standing.has(id)))
}

function canJudge(view: NodeView, reference: ReferenceRoom): boolean {
  return [...view.standing.keys()].every((id) => reference.stateAfter(id) !== undefined)
}

function againstReference(view: NodeView, reference: ReferenceRoom): string[] {
  const problems: string[] = []
  for (const [id, standing] of view.standing) {
    const isRejected = reference.rejected.has(id)
    if (isRejected !== (standing === 'rejected')) {
      problems.push(`${id} is ${standing} at ${view.name}; from scratch it is ${isRejected ? '' : 'not '}rejected`)
    }
  }
  const states = view.extremities.flatMap((id): readonly StateMap[] => {
    const state = reference.stateAfter(id)
    return state ? [state] : []
  })
  const slots = differingSlots(view.state, reference.resolve(states))
  if (slots.length > 0) problems.push(`${view.name} has another state than from scratch: ${slots.join('; ')}`)
  return problems
}

function namesOf(views: readonly NodeView[]): string {
  return views.map(({ name }) => name).join(', ')
}
