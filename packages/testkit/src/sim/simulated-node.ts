import type { EventId, JsonObject, ServerName, UserId } from '@starling/protocol'
import type { WriteFate } from './crashing-disk.ts'
import { DurableRows } from './durable-rows.ts'
import { NodeLife } from './node-life.ts'
import type { SimRandom } from './sim-random.ts'
import { userOf } from './simulated-keys.ts'
import type { WireRequest } from './simulated-network.ts'
import { EPOCH, type SimulatedWorld } from './simulated-world.ts'

/** Stands between a byzantine node and who asks it. */
export type Tamper = (request: WireRequest, honest: () => Promise<JsonObject>) => Promise<JsonObject>

/** A server: a name, users, a disk and a clock that outlive its lives, which crashes end. */
export class SimulatedNode {
  readonly world: SimulatedWorld
  readonly index: number
  readonly name: ServerName
  readonly users: readonly UserId[]
  readonly rows = new DurableRows()
  readonly random: SimRandom
  /** Events of this node's users that it told them were sent, and when (virtual milliseconds). */
  readonly acknowledged = new Map<EventId, number>()
  tamper: Tamper | undefined
  /** What is to happen at the next write. */
  #armed: WriteFate = 'written'
  #life: NodeLife | undefined
  #lives = 0

  constructor(world: SimulatedWorld, index: number) {
    this.world = world
    this.index = index
    this.name = `n${index}.sim` as ServerName
    this.users = [userOf(this.name, 'a'), userOf(this.name, 'b')]
    this.random = world.random(`node ${index}`)
  }

  get isByzantine(): boolean {
    return this.world.isByzantine(this.index)
  }

  /** The life that can be asked for things; undefined while the node is down or still starting. */
  get life(): NodeLife | undefined {
    return this.#life?.isOpen ? this.#life : undefined
  }

  get isDown(): boolean {
    return this.#life === undefined
  }

  /** Milliseconds since the Unix epoch, as this node believes. */
  now(): number {
    return EPOCH + Math.floor(this.world.scheduler.now) + (this.world.plan.skews[this.index] ?? 0)
  }

  acknowledge(eventId: EventId): void {
    this.acknowledged.set(eventId, this.world.scheduler.now)
  }

  start(): void {
    if (this.#life) return
    const number = this.#lives++
    if (number > 0) this.world.counts.restart++
    this.world.trace.add(`start ${this.name} ${number}`)
    this.#life = new NodeLife(this, number)
    this.#life.open()
  }

  /** Dies at the next write: before it, or after it and before its acknowledgement. */
  arm(fate: WriteFate): void {
    if (this.#life) this.#armed = fate
  }

  takeFate(): WriteFate {
    const fate = this.#armed
    this.#armed = 'written'
    return fate
  }

  /** `isOrderly`: everybody is restarted at the end of a schedule; that is no fault. */
  crash(isOrderly = false): void {
    const life = this.#life
    if (!life) return
    const { counts, trace, network } = this.world
    this.#life = undefined
    this.#armed = 'written'
    if (!life.isOpen) counts.crashWhileOpening++
    const { written, lost } = life.die()
    network.leave(this.name)
    if (!isOrderly) counts.crash++
    if (lost > 0) counts.crashBeforeWrite++
    if (written > 0) counts.crashAfterWrite++
    counts.lostLooseWrites += this.rows.crash((loose) => this.random.int(loose + 1))
    trace.add(`crash ${this.name} written ${written} lost ${lost}`)
  }
}
