import type { RoomId, ServerName, Sha256 } from '@starling/protocol'
import type { KeyRing, RoomEngine } from '../../contracts.ts'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'

interface MergeParts {
  readonly engine: RoomEngine
  readonly keys: Pick<KeyRing, 'serverName'>
  readonly sha256: Sha256
}

/** Rooms whose turn is counted; the least recent is forgotten first, and waits again. */
const ROOMS_COUNTED = 1_000

/**
 * Rooms in which nobody writes keep many forward extremities for ever, and every comparison and resolution pays for them: where
 * more than `extremitiesTolerated` stay, a dummy event merges them. Not by all servers at once, which would only make new
 * ones: the members stand in a line by the hash of their name and the room, and each waits as many heartbeats as are before it.
 * Mostly the first does it for all; who is away, or may not send, lets the next have its turn. Rows of one room are merged
 * twenty at a time (the engine's `choose-parents`).
 */
export class ExtremityMerger {
  readonly #parts: MergeParts
  readonly #waited = new LruMap<RoomId, number>(ROOMS_COUNTED)

  constructor(parts: MergeParts) {
    this.#parts = parts
  }

  /** One heartbeat: merges where it is this server's turn, at most `mergesPerBeat` rooms. */
  async beat(): Promise<void> {
    const { engine } = this.#parts
    let left: number = limits.mergesPerBeat
    for (const roomId of await engine.joinedRooms()) {
      if (left === 0) return
      if ((await engine.forwardExtremities(roomId)).length <= limits.extremitiesTolerated) {
        this.#waited.delete(roomId)
        continue
      }
      const waited = this.#waited.get(roomId) ?? 0
      this.#waited.set(roomId, waited + 1)
      if (waited < turnOf(this.#parts.keys.serverName, roomId, await engine.joinedServers(roomId), this.#parts.sha256))
        continue
      left--
      await engine.mergeExtremities(roomId)
    }
  }
}

/** How many members come before this one. */
export function turnOf(server: ServerName, roomId: RoomId, members: ReadonlySet<ServerName>, sha256: Sha256): number {
  const place = (name: ServerName) => Buffer.from(sha256(new TextEncoder().encode(`${roomId} ${name}`))).toString('hex')
  const own = place(server)
  return [...members].filter((name) => place(name) < own).length
}
