import type { EventId, RoomId, ServerName } from '@starling/protocol'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'

interface Plan {
  readonly server: ServerName
  readonly roomId: RoomId
  readonly ids: readonly EventId[]
}

/** Plans between the steps of a pull, so that a long gap is walked once and not once per step. */
export class PlanStore {
  readonly #plans = new LruMap<string, Plan>(limits.plansKept)
  #next = 1

  add(plan: Plan): string {
    const name = `p${this.#next++}`
    this.#plans.set(name, plan)
    return name
  }

  /** Only for the server and room that it was made for. */
  get(name: string, server: ServerName, roomId: RoomId): readonly EventId[] | undefined {
    const plan = this.#plans.get(name)
    return plan?.server === server && plan.roomId === roomId ? plan.ids : undefined
  }

  delete(name: string): void {
    this.#plans.delete(name)
  }
}
