import type { PeerId } from '@starling/federation'
import type { EventId, Pdu, RoomId, RoomVersionRules, StateMap, UserId } from '@starling/protocol'
import { roomVersionRules, SUPPORTED_VERSIONS, serverOf, slotKey } from '@starling/protocol'
import type { FaultLog } from './fault-log.ts'
import type { FuzzHost } from './fuzz-host.ts'
import { FuzzNode } from './fuzz-node.ts'
import { Random } from './random.ts'
import { VirtualTime } from './virtual-time.ts'

/** A room as an attacker that sees everything knows it: stale by a few mutants, as a real one's view would be. */
export interface RoomView {
  readonly roomId: RoomId
  readonly version: string
  readonly rules: RoomVersionRules
  readonly topic: string
  extremities: readonly EventId[]
  state: StateMap
  /** Events of before, to build on and to send again. */
  readonly known: EventId[]
}

export interface WorldOptions {
  readonly seed: number
  readonly faults: FaultLog
  readonly count: (verdict: string) => void
}

/** Room versions whose rooms are under attack: one of each way of naming rooms and events, where offered. */
const ATTACKED = ['12', '11', '6', '3', '1']
const HONEST = ['victim', 'friend']
/** Virtual time that one mutant takes: nobody is throttled all the time, and heartbeats, quotas and rotations come due. */
export const MS_PER_MUTANT = 250

/**
 * A node under attack and an honest friend of it, both in some rooms with two hostile servers; a banned one, a stranger. The
 * hostile ones are whole nodes too, which is how they come to valid keys, rooms and answers that can be bent.
 */
export class FuzzWorld {
  readonly time = new VirtualTime(Date.UTC(2026, 10, 21))
  readonly hosts = new Map<PeerId, FuzzHost>()
  readonly rooms: RoomView[] = []
  /** The number source of the mutant that is under way. */
  random: Random
  readonly faults: FaultLog
  readonly count: (verdict: string) => void
  victim!: FuzzNode
  friend!: FuzzNode
  /** Joined, without power. */
  members!: readonly [FuzzNode, FuzzNode]
  /** Its user is banned everywhere. */
  banned!: FuzzNode
  stranger!: FuzzNode
  /** A hostile member's own room, to invite into and to be joined. */
  trap!: RoomId
  /** Attackers that a mutant took out of a room: to be put back, so that the next ones get deep again. */
  readonly out: { readonly room: RoomView; readonly node: FuzzNode }[] = []
  /** What the honest ones really sent, and what was taken in under their names. */
  readonly #honest = new Set<EventId>()
  readonly #ofHonest = new Map<EventId, UserId>()
  readonly #baseline = new Map<RoomId, string>()
  readonly #seed: number

  private constructor({ seed, faults, count }: WorldOptions) {
    this.#seed = seed
    this.faults = faults
    this.count = count
    this.random = new Random(seed)
  }

  static async create(options: WorldOptions): Promise<FuzzWorld> {
    const world = new FuzzWorld(options)
    world.victim = await world.#node('victim', (what, code) => options.count(`${what}: ${code}`))
    world.friend = await world.#node('friend')
    world.members = [await world.#node('mallory'), await world.#node('trudy')]
    world.banned = await world.#node('eve')
    world.stranger = await world.#node('zed')
    await world.#meet()
    for (const version of ATTACKED.filter((one) => one in SUPPORTED_VERSIONS)) await world.#room(version)
    world.trap = await world.members[0].createRoom('12')
    await world.settle()
    // They only talk from here on: following what they do to the room would cost more than doing it.
    for (const node of world.hostile) node.host.deaf = true
    for (const room of world.rooms) {
      await world.refresh(room)
      world.#baseline.set(room.roomId, await world.#stateOfOthers(room.roomId))
    }
    const sent = (_roomId: RoomId, event: Pdu) => void world.#honest.add(event.eventId)
    world.friend.engine.watch({ localEvent: sent })
    world.victim.engine.watch({ localEvent: sent, accepted: (roomId, event) => world.#accepted(roomId, event) })
    return world
  }

  get hostile(): readonly FuzzNode[] {
    return [...this.members, this.banned, this.stranger]
  }

  async refresh(room: RoomView): Promise<void> {
    room.extremities = await this.victim.engine.forwardExtremities(room.roomId)
    room.state = await this.victim.engine.currentState(room.roomId)
    room.known.push(...room.extremities)
    if (room.known.length > 300) room.known.splice(0, 100)
  }

  /** Nothing queued, nothing under way that moves by itself. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await this.victim.net.drained()
      await this.friend.net.drained()
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** An honest message each way arrives, and nothing but the attackers' own memberships has changed in any room. */
  async probe(room: RoomView, label: string): Promise<void> {
    const said = await this.friend.say(room.roomId, label)
    const replied = await this.victim.say(room.roomId, `re: ${label}`)
    await this.settle()
    if (!(await this.#has(this.victim, said))) await this.victim.exchange.reconcile(this.friend.serverName)
    if (!(await this.#has(this.friend, replied))) await this.friend.exchange.reconcile(this.victim.serverName)
    if (!(await this.#has(this.victim, said))) this.faults.add('probe', 'an honest message did not come in any more')
    if (!(await this.#has(this.friend, replied))) this.faults.add('probe', 'an own message did not reach the friend')
    for (const [eventId, sender] of this.#ofHonest) {
      if (!this.#honest.has(eventId)) this.faults.add('forged', `${eventId} of ${sender} was never sent`)
    }
    this.#ofHonest.clear()
    await this.refresh(room)
    const state = await this.#stateOfOthers(room.roomId)
    if (state !== this.#baseline.get(room.roomId)) {
      this.faults.add(
        'state',
        `the state of ${room.roomId} changed: ${state} instead of ${this.#baseline.get(room.roomId)}`,
      )
    }
  }

  /** For planted defects: as if the engine had let this in. */
  tellAccepted(event: Pdu): void {
    const [room] = this.rooms
    if (room) this.#accepted(room.roomId, event)
  }

  async stop(): Promise<void> {
    for (const node of [this.victim, this.friend, ...this.hostile]) await node.stop()
  }

  get storeBytes(): number {
    return [this.victim, this.friend, ...this.hostile].reduce((sum, node) => sum + node.store.bytes, 0)
  }

  async #node(name: string, count: (what: string, code: string) => void = () => undefined): Promise<FuzzNode> {
    const attacked = name === 'victim'
    const logger = attacked ? this.faults.logger() : SILENT
    return FuzzNode.start({
      ...{ name, logger, count, world: this.hosts, time: this.time, hostile: !HONEST.includes(name) },
      seed: this.#seed + name.length * 7919 + name.charCodeAt(0),
    })
  }

  async #meet(): Promise<void> {
    const all = [this.victim, this.friend, ...this.hostile]
    for (const [index, node] of all.entries()) for (const other of all.slice(index + 1)) node.host.connect(other.host)
    await this.settle()
  }

  async #room(version: string): Promise<void> {
    const rules = roomVersionRules(version)
    if (!rules) throw new Error(`room version ${version} is not known`)
    const before = new Set(this.victim.host.topics)
    const roomId = await this.victim.createRoom(version)
    await this.settle()
    const topic = this.victim.host.topics.find((one) => !before.has(one))
    if (topic === undefined) throw new Error('the room has no topic')
    for (const node of [this.friend, ...this.members, this.banned]) await node.join(roomId, this.victim)
    for (const node of this.members) await node.join(roomId, this.victim, node.user('u0'))
    await this.settle()
    const ban = { roomId, sender: this.victim.userId, type: 'm.room.member', stateKey: this.banned.userId }
    await this.victim.engine.send({ ...ban, content: { membership: 'ban' } })
    await this.settle()
    this.rooms.push({ roomId, version, rules, topic, extremities: [], state: new Map(), known: [] })
  }

  async #has(node: FuzzNode, eventId: EventId): Promise<boolean> {
    return (await node.engine.events([eventId])).get(eventId)?.status === 'accepted'
  }

  /** What an event that the victim took in may be: the attackers can speak and come and go, and nothing else. */
  #accepted(roomId: RoomId, event: Pdu): void {
    const room = this.rooms.find((one) => one.roomId === roomId)
    if (!room) return
    const left = this.members.find((node) => node.userId === event.stateKey && event.content?.membership === 'leave')
    if (left) this.out.push({ room, node: left })
    const server = serverOf(event.sender)
    const own = event.type === 'm.room.member' && event.stateKey === event.sender
    // Versions 1 to 5 let every server list its aliases, whoever is banned (their authorisation rule 4).
    const aliases = room.rules.auth.aliases && event.type === 'm.room.aliases' && event.stateKey === server
    if (server === this.friend.serverName || server === this.victim.serverName) {
      // Told here before its author tells of it, perhaps: looked at when all is quiet.
      this.#ofHonest.set(event.eventId, event.sender)
    } else if (event.sender === this.banned.userId && !aliases)
      this.faults.add('forged', `${event.eventId} of a banned user`)
    else if (event.stateKey !== undefined && !own && !aliases) {
      this.faults.add('state', `${event.sender} set ${event.type} "${event.stateKey}"`)
    }
  }

  /** The state without the attackers' own member events (and, in old versions, their alias lists). */
  async #stateOfOthers(roomId: RoomId): Promise<string> {
    const servers = new Set<string>(this.hostile.map((node) => node.serverName))
    const slots = [...(await this.victim.engine.currentState(roomId))].filter(([slot]) => {
      const { type, stateKey } = slotKey(slot)
      if (type === 'm.room.aliases') return !servers.has(stateKey)
      const isMember = type === 'm.room.member' && stateKey !== this.banned.userId
      return !isMember || !servers.has(stateKey.slice(stateKey.indexOf(':') + 1))
    })
    return slots
      .map(([slot, id]) => `${slot}=${id}`)
      .sort()
      .join(' ')
  }
}

export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? ` ${String(error.code)}` : ''
  return `${error.name}${code}`
}

const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
}
