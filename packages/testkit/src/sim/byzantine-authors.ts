import {
  type EventId,
  encodeBase64,
  encodeBase64Url,
  eventTemplate,
  type JsonObject,
  type Pdu,
  type PduDraft,
  type RoomId,
  type RoomVersionRules,
  referenceHash,
  roomVersionRules,
  type ServerName,
  type StateMap,
  selectAuthEvents,
  stateSlot,
  type UserId,
} from '@starling/protocol'
import { everybodyIn } from './honest-authors.ts'
import type { NodeLife } from './node-life.ts'
import type { ByzantineAct, Step } from './schedule-plan.ts'
import { SimRandom } from './sim-random.ts'
import { carried } from './simulated-keys.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { SimulatedWorld } from './simulated-world.ts'

/** A place in the room's past to write from: what a byzantine node remembers. */
interface Branch {
  readonly extremities: readonly EventId[]
  readonly state: StateMap
  readonly depth: number
}

interface Draft {
  readonly type: string
  readonly content: JsonObject
  readonly stateKey?: string
  readonly sender?: UserId
  readonly branch?: Branch
  readonly prevEvents?: readonly EventId[]
  readonly authEvents?: readonly EventId[]
  readonly depth?: number
  readonly ts?: number
}

/** Branches remembered by one node. */
const REMEMBERED = 40
const DAY = 24 * 3_600_000

/** A node with valid keys that signs what it likes and shows it to whom it likes. */
export class ByzantineAuthor {
  readonly #node: SimulatedNode
  readonly #world: SimulatedWorld
  readonly #branches: Branch[] = []

  constructor(node: SimulatedNode) {
    this.#node = node
    this.#world = node.world
  }

  /** Remembers where the room is now. Called all along. */
  async remember(): Promise<void> {
    const { life } = this.#node
    const { roomId } = this.#world
    if (!life || roomId === undefined) return
    const [extremities, state] = [await life.engine.forwardExtremities(roomId), await life.engine.currentState(roomId)]
    if (extremities.length === 0 || extremities.length > 20) return
    const events = await life.engine.events(extremities)
    const depth = Math.max(0, ...[...events.values()].map(({ pdu }) => pdu.depth)) + 1
    this.#branches.push({ extremities, state, depth })
    if (this.#branches.length > REMEMBERED) this.#branches.splice(1 + (this.#branches.length % (REMEMBERED - 1)), 1)
  }

  async act({ act, salt }: Extract<Step, { kind: 'byzantine' }>): Promise<void> {
    const { life } = this.#node
    const { roomId } = this.#world
    if (!life || roomId === undefined) return
    await this.remember()
    const version = await life.engine.roomVersion(roomId)
    const now = this.#branches.at(-1)
    if (version === undefined || !now) return
    const random = new SimRandom(this.#world.plan.seed, `byzantine ${salt}`)
    await new Malice({ node: this.#node, life, roomId, version, random, now, branches: this.#branches }).commit(act)
  }
}

interface MaliceParts {
  readonly node: SimulatedNode
  readonly life: NodeLife
  readonly roomId: RoomId
  readonly version: string
  readonly random: SimRandom
  readonly now: Branch
  readonly branches: readonly Branch[]
}

/** One act of a byzantine node. */
class Malice {
  readonly #parts: MaliceParts

  constructor(parts: MaliceParts) {
    this.#parts = parts
  }

  async commit(act: ByzantineAct): Promise<void> {
    const acts: Readonly<Record<ByzantineAct, () => Promise<boolean>>> = {
      equivocation: () => this.#equivocate(),
      forgedParents: () => this.#forgeParents(),
      wrongAuthEvents: () => this.#misauthorise(),
      oldBranch: () => this.#writeOnOldBranch(),
      withheldPower: () => this.#withholdPower(),
      concurrentDemotion: () => this.#demote(),
      joinRuleEvasion: () => this.#evadeJoinRules(),
      backdated: () => this.#backdate(),
      absurdDepth: () => this.#misplace(),
    }
    if (await acts[act]()) this.#parts.node.world.counts[act]++
  }

  // ------------------------------------------------------------------------------------------------ acts

  async #equivocate(): Promise<boolean> {
    const { random } = this.#parts
    const slot = random.pick(['m.room.topic', 'm.room.name', 'org.sim.state', 'm.room.message'])
    const one = (value: string): Draft =>
      slot === 'm.room.message'
        ? { type: slot, content: { msgtype: 'm.text', body: value } }
        : { type: slot, stateKey: '', content: { topic: value, name: value, value } }
    const others = random.shuffled(this.#others())
    const half = Math.ceil(others.length / 2)
    const a = await this.#make(one(`a${random.int(1e6)}`))
    const b = await this.#make(one(`b${random.int(1e6)}`))
    if (!a || !b) return false
    this.#show(a, others.slice(0, half))
    this.#show(b, others.slice(half))
    return true
  }

  async #forgeParents(): Promise<boolean> {
    const { random, now } = this.#parts
    const forged = Array.from({ length: 1 + random.int(3) }, () => this.#madeUpId())
    const prevEvents = random.chance(0.5) ? forged : [...now.extremities.slice(0, 5), ...forged]
    return this.#tell(await this.#make({ ...this.#something(), prevEvents }))
  }

  async #misauthorise(): Promise<boolean> {
    const { random, now } = this.#parts
    const known = [...now.state.values()]
    const authEvents = random.chance(0.2)
      ? [this.#madeUpId()]
      : random.shuffled(known).slice(0, random.int(Math.min(known.length, 6) + 1))
    return this.#tell(await this.#make({ ...this.#something(), authEvents }))
  }

  /** Whatever became of its users since: from where they were still allowed to. */
  async #writeOnOldBranch(): Promise<boolean> {
    const { random } = this.#parts
    let branch = this.#oldBranch()
    for (let left = 1 + random.int(3); left > 0; left--) {
      const pdu = await this.#make({ ...this.#something(), branch })
      if (!pdu) return false
      this.#tell(pdu)
      branch = after(branch, pdu)
    }
    return true
  }

  /** A chain of power events made on an old branch, shown in its last event first, after a while, or to one node only. */
  async #withholdPower(): Promise<boolean> {
    const { random, node } = this.#parts
    let branch = this.#oldBranch()
    const chain: Pdu[] = []
    for (let left = 1 + random.int(3); left > 0; left--) {
      const pdu = await this.#make({ ...(await this.#powerEvent(branch)), branch })
      if (!pdu) break
      chain.push(pdu)
      branch = after(branch, pdu)
    }
    if (chain.length === 0) return false
    const others = random.shuffled(this.#others())
    const to = random.chance(0.5) ? others.slice(0, 1) : others
    const order = random.chance(0.5) ? chain : [...chain].reverse()
    for (const pdu of chain) this.#take(pdu)
    node.world.scheduler.after(random.between(0, 30_000), () => {
      for (const pdu of order) this.#show(pdu, to)
    })
    return true
  }

  async #demote(): Promise<boolean> {
    const { random } = this.#parts
    const branch = random.chance(0.5) ? this.#parts.now : this.#oldBranch()
    return this.#tell(await this.#make({ ...(await this.#powerLevels(branch, true)), branch }))
  }

  /** Joins from before the rules changed, leaves and joins again there, shown now. */
  async #evadeJoinRules(): Promise<boolean> {
    const { random, node } = this.#parts
    const user = random.pick(node.users)
    const branch = this.#oldBranch()
    const membership = random.chance(0.8) ? 'join' : 'leave'
    const join = await this.#make({
      type: 'm.room.member',
      sender: user,
      stateKey: user,
      content: { membership },
      branch,
    })
    if (!join) return false
    this.#tell(join)
    return this.#tell(await this.#make({ ...this.#something(), sender: user, branch: after(branch, join) }))
  }

  async #backdate(): Promise<boolean> {
    const { random, node } = this.#parts
    const ts = random.pick([0, 1, node.now() - 400 * DAY, node.now() + 4_000 * DAY, Number.MAX_SAFE_INTEGER])
    return this.#tell(await this.#make({ ...this.#something(), ts }))
  }

  async #misplace(): Promise<boolean> {
    const { random, now } = this.#parts
    const depth = random.pick([0, 1, now.depth + 1_000_000, Number.MAX_SAFE_INTEGER])
    return this.#tell(await this.#make({ ...this.#something(), depth }))
  }

  // ------------------------------------------------------------------------------------------------ drafts

  #something(): Draft {
    const { random, node } = this.#parts
    const everybody = everybodyIn(node.world)
    const target = random.pick(everybody)
    return random.pick<Draft>([
      { type: 'm.room.message', content: { msgtype: 'm.text', body: `x${random.int(1e9)}` } },
      { type: 'm.room.topic', stateKey: '', content: { topic: `x${random.int(1e9)}` } },
      { type: 'org.sim.state', stateKey: String(random.int(5)), content: { value: random.int(1e9) } },
      { type: 'm.room.name', stateKey: '', content: { name: `x${random.int(1e9)}` } },
      { type: 'm.room.member', stateKey: target, content: { membership: random.pick(['ban', 'leave', 'invite']) } },
      { type: 'm.room.join_rules', stateKey: '', content: { join_rule: random.pick(['public', 'invite']) } },
    ])
  }

  async #powerEvent(branch: Branch): Promise<Draft> {
    const { random, node } = this.#parts
    if (random.chance(0.5)) return this.#powerLevels(branch, random.chance(0.5))
    const target = random.pick(everybodyIn(node.world))
    if (random.chance(0.6)) return { type: 'm.room.member', stateKey: target, content: { membership: 'ban' } }
    return { type: 'm.room.join_rules', stateKey: '', content: { join_rule: random.pick(['public', 'invite']) } }
  }

  async #powerLevels(branch: Branch, isDemotion: boolean): Promise<Draft> {
    const { random, node, life } = this.#parts
    const id = branch.state.get(stateSlot('m.room.power_levels', ''))
    const current = id === undefined ? undefined : (await life.engine.events([id])).get(id)?.pdu.content
    const users: Record<string, number> = { ...(current?.users as Record<string, number> | undefined) }
    const target = random.pick(everybodyIn(node.world).filter((user) => user !== node.world.creator))
    users[target] = isDemotion ? 0 : random.pick([50, 100])
    if (random.chance(0.2)) users[node.users[0] as UserId] = 0
    return { type: 'm.room.power_levels', stateKey: '', content: { ...current, users } }
  }

  #oldBranch(): Branch {
    const { random, branches } = this.#parts
    return random.pick(branches)
  }

  #madeUpId(): EventId {
    const { random, version, node } = this.#parts
    const bytes = random.bytes(32)
    const form = roomVersionRules(version)?.eventId
    if (form === 'given') return `$${encodeBase64Url(bytes.subarray(0, 12))}:${node.name}` as EventId
    return `$${form === 'base64' ? encodeBase64(bytes) : encodeBase64Url(bytes)}` as EventId
  }

  // ------------------------------------------------------------------------------------------------ making, showing

  /** Undefined where it could not even be built. */
  async #make(draft: Draft): Promise<Pdu | undefined> {
    const { life, node, roomId, version, now, random } = this.#parts
    const rules = roomVersionRules(version)
    if (!rules) return undefined
    const { type, content, stateKey, sender = random.chance(0.8) ? node.users[0] : node.users[1] } = draft
    const branch = draft.branch ?? now
    if (!sender) return undefined
    const subject = { type, sender, stateKey, content }
    const prevEvents = draft.prevEvents ?? branch.extremities
    const authEvents = draft.authEvents ?? selectAuthEvents(subject, branch.state, rules)
    const event = eventTemplate(
      {
        ...{ type, sender, roomId, content },
        ...{ prevEvents, authEvents },
        ...this.#references([...prevEvents, ...authEvents], rules),
        depth: draft.depth ?? branch.depth,
        originServerTs: draft.ts ?? node.now(),
        ...(stateKey === undefined ? {} : { stateKey }),
      },
      rules,
    )
    const { pdu } = life.engine.finish(event, version)
    node.world.authored.set(pdu.eventId, node.name)
    node.world.trace.add(`byzantine ${node.name} made ${pdu.eventId} ${type}`)
    return pdu
  }

  /** Versions 1 and 2 name events with their hashes; of events that never were, any will do. */
  #references(ids: readonly EventId[], rules: RoomVersionRules): Pick<PduDraft, 'referenceHashes'> {
    if (rules.eventReferences === 'ids') return {}
    const { events } = this.#parts.node.world.checks
    const { sha256 } = this.#parts.node.world.crypto
    const referenceHashes = new Map<EventId, string>()
    for (const id of ids) {
      const event = events.get(id)
      const hash = event ? referenceHash(event.json, rules, sha256) : this.#parts.random.bytes(32)
      referenceHashes.set(id, encodeBase64(hash))
    }
    return { referenceHashes }
  }

  /** Shows it to all, or to some, and mostly takes it in itself. */
  #tell(pdu: Pdu | undefined): boolean {
    if (!pdu) return false
    const { random } = this.#parts
    const others = random.shuffled(this.#others())
    this.#show(pdu, random.chance(0.7) ? others : others.slice(0, 1))
    if (random.chance(0.8)) this.#take(pdu)
    return true
  }

  #others(): ServerName[] {
    const { node } = this.#parts
    return node.world.network.connectedTo(node.name)
  }

  #show(pdu: Pdu, to: readonly ServerName[]): void {
    const { node, roomId } = this.#parts
    const message = { roomId, eventId: pdu.eventId, text: JSON.stringify(carried(pdu)) }
    for (const server of to) node.world.network.gossip(node.name, server, message)
  }

  #take(pdu: Pdu): void {
    const { life, roomId, node } = this.#parts
    if (life.isAlive) life.quietly(life.exchange.incoming(pdu.json as JsonObject, roomId, node.name))
  }
}

/** The branch with this event on it. */
function after(branch: Branch, pdu: Pdu): Branch {
  const state = new Map(branch.state)
  if (pdu.stateKey !== undefined) state.set(stateSlot(pdu.type, pdu.stateKey), pdu.eventId)
  return { extremities: [pdu.eventId], state, depth: branch.depth + 1 }
}
