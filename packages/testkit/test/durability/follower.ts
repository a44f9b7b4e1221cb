import assert from 'node:assert/strict'
import { type ClientEvent, type OwnerClient, Unanswered } from '@starling/testkit'

/** The rooms only, with as many events as a sync gives. */
const roomsFilter = (rooms: readonly string[]) =>
  encodeURIComponent(
    JSON.stringify({ presence: { limit: 0 }, room: { rooms, timeline: { limit: 250 }, ephemeral: { limit: 0 } } }),
  )

/** A client that syncs on over every crash of its node, by the token that it had. */
export class Follower {
  readonly #rooms: readonly string[]
  readonly #seen = new Map<string, string[]>()
  #since: string | undefined
  #syncs = 0

  constructor(rooms: readonly string[]) {
    this.#rooms = rooms
  }

  get syncs(): number {
    return this.#syncs
  }

  seenIn(roomId: string): readonly string[] {
    return this.#seen.get(roomId) ?? []
  }

  /** Syncs until the node goes away or the signal fires. */
  async follow(client: OwnerClient, signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.sync(client, 50)
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
    }
  }

  /** One sync. Its token is never behind the one before it, and it skips nothing. */
  async sync(client: OwnerClient, timeoutMs: number): Promise<void> {
    const since = this.#since
    const query = `timeout=${timeoutMs}&filter=${roomsFilter(this.#rooms)}${since ? `&since=${since}` : ''}`
    const body = await client.ok('GET', `sync?${query}`)
    const next = String(body.next_batch)
    if (since) assert.ok(positionOf(next) >= positionOf(since), `from ${since} the stream went back to ${next}`)
    const joined = ((body.rooms ?? {}) as { join?: Record<string, JoinedRoom> }).join ?? {}
    for (const [roomId, { timeline }] of Object.entries(joined)) await this.#read(client, roomId, timeline, since)
    this.#since = next
    this.#syncs += 1
  }

  async #read(client: OwnerClient, roomId: string, timeline: Timeline, since: string | undefined): Promise<void> {
    const seen = this.#seen.get(roomId) ?? []
    const ids = timeline.events.map((event) => event.event_id)
    if (timeline.limited && since) ids.unshift(...(await gap(client, roomId, timeline.prev_batch, since)))
    this.#seen.set(roomId, [...seen, ...ids])
  }
}

interface Timeline {
  readonly events: readonly ClientEvent[]
  readonly limited?: boolean
  readonly prev_batch: string
}

interface JoinedRoom {
  readonly timeline: Timeline
}

/** What lies between the last sync and a cut timeline, oldest first. */
async function gap(client: OwnerClient, roomId: string, from: string, to: string): Promise<string[]> {
  const newestFirst: string[] = []
  let start: string | undefined = from
  while (start !== undefined) {
    const range: string = `dir=b&limit=250&from=${start}&to=${to}`
    const page = await client.ok('GET', `rooms/${encodeURIComponent(roomId)}/messages?${range}`)
    const chunk = page.chunk as ClientEvent[]
    newestFirst.push(...chunk.map((event) => event.event_id))
    start = chunk.length > 0 && typeof page.end === 'string' ? page.end : undefined
  }
  return newestFirst.reverse()
}

/** The stream position in a sync token of this server. */
function positionOf(token: string): number {
  const match = /^s(\d+)/.exec(token)
  assert.ok(match, `${token} is a sync token`)
  return Number(match[1])
}
