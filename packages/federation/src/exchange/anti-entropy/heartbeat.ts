import type { ServerName } from '@starling/protocol'
import type { KeyRing, RoomEngine } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { Timers } from '../ports.ts'

/** Servers compared with in one beat; who was longest not met comes first. */
const SERVERS_PER_BEAT = 8

interface HeartbeatParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly timers: Timers
  readonly random: () => number
  /** Milliseconds since the Unix epoch of the last comparison. */
  lastMet(server: ServerName): number | undefined
  /** Compares with these servers and tries parked events again. Never throws. */
  beat(servers: readonly ServerName[]): Promise<void>
}

/** Gossip loses events without anybody noticing: now and then, servers that are connected are compared with anyway. */
export class Heartbeat {
  readonly #parts: HeartbeatParts
  #cancel: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
  }

  start(): void {
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await this.#running
  }

  /** Compares with everybody who is connected, out of turn. */
  async beatNow(): Promise<void> {
    await this.#running
    await this.#parts.beat(await this.#due(Number.POSITIVE_INFINITY))
  }

  #schedule(): void {
    const jitter = 1 + limits.heartbeatJitter * (2 * this.#parts.random() - 1)
    this.#cancel = this.#parts.timers.after(limits.heartbeatInterval * jitter, () => {
      this.#running = this.#beat().finally(() => {
        if (this.#cancel) this.#schedule()
      })
    })
  }

  async #beat(): Promise<void> {
    await this.#parts.beat(await this.#due(SERVERS_PER_BEAT))
  }

  async #due(limit: number): Promise<readonly ServerName[]> {
    const shared = new Set<ServerName>()
    for (const roomId of await this.#parts.engine.joinedRooms()) {
      for (const server of await this.#parts.engine.joinedServers(roomId)) shared.add(server)
    }
    shared.delete(this.#parts.keys.serverName)
    const connected = [...shared].filter((server) => this.#parts.keys.peersOf(server).length > 0)
    const metAt = (server: ServerName) => this.#parts.lastMet(server) ?? 0
    return connected.sort((a, b) => metAt(a) - metAt(b)).slice(0, limit)
  }
}
