import type { EventId, RoomId, ServerName } from '@starling/protocol'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'

interface Backoff {
  /** Comparisons in a row that brought nothing though something was promised. */
  failures: number
  /** Comparisons still to be sat out. */
  sitOut: number
}

/**
 * What servers name in comparisons and do not give: made-up extremities, or what cannot be taken in here. Kept by server, so
 * that one who names a true event and withholds it keeps nobody else from giving it. An extremity is asked for
 * `extremityAttempts` times; a server that names ever new ones in vain has its room sat out for longer and longer.
 */
export class VainQuestions {
  readonly #extremities = new LruMap<ServerName, LruMap<EventId, number>>(limits.serversGivenUpOn)
  readonly #rooms = new LruMap<string, Backoff>(limits.extremitiesGivenUp)

  /** Of what the server names, what is still worth asking it for. */
  worthAsking(server: ServerName, ids: readonly EventId[]): readonly EventId[] {
    const counts = this.#extremities.get(server)
    return ids.filter((id) => (counts?.get(id) ?? 0) < limits.extremityAttempts)
  }

  /** True where the room is to be sat out this time; counts down. */
  sitsOut(server: ServerName, roomId: RoomId): boolean {
    const backoff = this.#rooms.get(`${server} ${roomId}`)
    if (!backoff || backoff.sitOut === 0) return false
    backoff.sitOut--
    return true
  }

  /** A comparison brought something: the server is believed again. */
  fruitful(server: ServerName, roomId: RoomId): void {
    this.#rooms.delete(`${server} ${roomId}`)
  }

  /** These did not come, nor anything else. */
  vain(server: ServerName, roomId: RoomId, ids: readonly EventId[], options: { readonly nothingCame: boolean }): void {
    if (ids.length === 0) return
    const counts = this.#extremities.get(server) ?? new LruMap<EventId, number>(limits.extremitiesGivenUp)
    this.#extremities.set(server, counts)
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
    if (!options.nothingCame) return
    const key = `${server} ${roomId}`
    const failures = (this.#rooms.get(key)?.failures ?? 0) + 1
    // The first few are let pass: a server that is busy, or a cut in the middle, is not a liar.
    const sitOut = failures < limits.extremityAttempts ? 0 : 2 ** (failures - limits.extremityAttempts)
    this.#rooms.set(key, { failures, sitOut: Math.min(sitOut, limits.vainComparisonsMax) })
  }
}
