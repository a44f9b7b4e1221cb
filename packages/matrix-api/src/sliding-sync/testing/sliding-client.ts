import assert from 'node:assert/strict'
import type { JsonObject, RoomId } from '@starling/protocol'
import { type RoomServer, startRoomServer } from '../../rooms/testing/room-server.ts'
import type { TestAnswer, TestUser } from '../../testing/test-api.ts'

export const SLIDING = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'

type Query = Readonly<Record<string, string>>

/** A sync loop as clients run it: each request with the `pos` of the answer before. */
export class SlidingClient {
  readonly #server: RoomServer
  readonly #user: TestUser
  readonly #connId: string | undefined
  pos: string | undefined

  constructor(server: RoomServer, user: TestUser, connId?: string) {
    this.#server = server
    this.#user = user
    this.#connId = connId
  }

  request(body: JsonObject, query: Query = {}, signal?: AbortSignal): Promise<TestAnswer> {
    const conn = this.#connId === undefined ? {} : { conn_id: this.#connId }
    return this.#server.request('POST', SLIDING, {
      as: this.#user,
      body: { ...conn, ...body },
      query: { ...(this.pos !== undefined && { pos: this.pos }), ...query },
      ...(signal && { signal }),
    })
  }

  /** The body of an answer, which the client then has. */
  async sync(body: JsonObject, query: Query = {}): Promise<TestAnswer['body']> {
    const answer = await this.request(body, query)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    this.pos = answer.body.pos
    return answer.body
  }
}

/** One list of all rooms, with the newest event of each. */
export const ALL: JsonObject = { lists: { all: { ranges: [[0, 99]], timeline_limit: 1, required_state: [] } } }

export function list(config: JsonObject): JsonObject {
  return { lists: { list: { ranges: [[0, 99]], timeline_limit: 10, required_state: [], ...config } } }
}

export async function slidingRoom(body: JsonObject = { preset: 'public_chat' }) {
  const server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId: RoomId = await server.createRoom(alice, body)
  return { server, alice, bob, roomId, client: new SlidingClient(server, alice) }
}

export const bodiesOf = (events: readonly { content: { body?: string } }[] = []) =>
  events.flatMap(({ content }) => content.body ?? [])

export const slotsOf = (events: readonly { type: string; state_key?: string }[] = []) =>
  events.map(({ type, state_key }) => `${type}|${state_key ?? ''}`).sort()
