import type { RoomId } from '@starling/protocol'
import { roomPath } from '../../rooms/testing/paths.ts'
import type { RoomServer } from '../../rooms/testing/room-server.ts'
import type { TestUser } from '../../testing/test-api.ts'

interface SyncedEvent {
  readonly event_id: string
  readonly type: string
  readonly state_key?: string
}

interface SyncedRoom {
  readonly timeline: { readonly events: readonly SyncedEvent[]; readonly limited: boolean; readonly prev_batch: string }
  readonly state?: { readonly events: readonly SyncedEvent[] }
  readonly state_after?: { readonly events: readonly SyncedEvent[] }
}

/** What a client does with /sync, to the letter of the spec: for tests that many small syncs tell it what one large one does. */
export class ModelClient {
  readonly #server: RoomServer
  readonly #user: TestUser
  readonly #roomId: RoomId
  readonly #useStateAfter: boolean
  #since: string | undefined
  /** slot → event id */
  readonly state = new Map<string, string>()
  readonly timeline: string[] = []
  limitedSyncs = 0

  constructor(server: RoomServer, user: TestUser, roomId: RoomId, useStateAfter: boolean) {
    this.#server = server
    this.#user = user
    this.#roomId = roomId
    this.#useStateAfter = useStateAfter
  }

  async sync(limit: number): Promise<void> {
    const since = this.#since
    const body = await this.#server.sync(this.#user, {
      filter: JSON.stringify({ room: { rooms: [this.#roomId], timeline: { limit } } }),
      ...(since === undefined ? {} : { since }),
      ...(this.#useStateAfter ? { use_state_after: 'true' } : {}),
    })
    this.#since = body.next_batch
    const room = body.rooms?.join?.[this.#roomId] as SyncedRoom | undefined
    if (room) await this.#apply(room, since)
  }

  async #apply(room: SyncedRoom, since: string | undefined): Promise<void> {
    const { events, limited, prev_batch: prevBatch } = room.timeline
    if (limited) {
      this.limitedSyncs += 1
      this.timeline.push(...(await this.#gap(prevBatch, since)))
    }
    this.timeline.push(...events.map((event) => event.event_id))
    for (const event of room.state?.events ?? []) this.#setState(event)
    for (const event of room.state_after?.events ?? []) this.#setState(event)
    if (!room.state_after) for (const event of events) this.#setState(event)
  }

  /** The events between two tokens, chronological. */
  async #gap(from: string, to: string | undefined): Promise<string[]> {
    const ids: string[] = []
    let token: string | undefined = from
    while (token !== undefined) {
      const query = { dir: 'b', limit: '7', from: token, ...(to === undefined ? {} : { to }) }
      const path = roomPath(this.#roomId, 'messages')
      const answer = await this.#server.request('GET', path, { as: this.#user, query })
      ids.push(...answer.body.chunk.map((event: SyncedEvent) => event.event_id))
      token = answer.body.end
    }
    return ids.reverse()
  }

  #setState(event: SyncedEvent): void {
    if (event.state_key !== undefined) this.state.set(`${event.type}|${event.state_key}`, event.event_id)
  }
}
