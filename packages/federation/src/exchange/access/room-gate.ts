import type { EventId, RoomId, ServerName } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { isAllowedByAcl } from './server-acl.ts'
import { currentStateEvent } from './state-events.ts'

/** Who may read and enter rooms. Every method throws `AnswerError` 403 `M_FORBIDDEN` for who may not. */
export interface RoomGate {
  /**
   * For reads: the server has a joined user and the ACL lets it. A room that is not known here is refused alike, so
   * that the answer tells a stranger nothing.
   */
  requireJoined(server: ServerName, roomId: RoomId): Promise<void>
  /**
   * For reads of what stands before these events: also a server that is out by now, where it was in just before each of them.
   * Who was removed while it was away learns so what its removal stands on, and can take it in (decision 0014).
   */
  requireMemberAt(server: ServerName, roomId: RoomId, eventIds: readonly EventId[]): Promise<void>
  /** For joins, knocks, leaves and invites of servers that are not in the room: only the ACL. */
  requireAllowed(server: ServerName, roomId: RoomId): Promise<void>
}

const JOINED: ReadonlySet<string> = new Set(['join'])

export class MembershipGate implements RoomGate {
  readonly #engine: RoomEngine

  constructor(engine: RoomEngine) {
    this.#engine = engine
  }

  async requireJoined(server: ServerName, roomId: RoomId): Promise<void> {
    // The room is loaded first: `isServerJoined` answers from memory.
    if ((await this.#engine.roomVersion(roomId)) === undefined) throw notInRoom()
    const joined = await this.#engine.joinedServers(roomId)
    if (!joined.has(server)) throw notInRoom()
    await this.requireAllowed(server, roomId)
  }

  async requireMemberAt(server: ServerName, roomId: RoomId, eventIds: readonly EventId[]): Promise<void> {
    if ((await this.#engine.roomVersion(roomId)) === undefined) throw notInRoom()
    const isIn = (await this.#engine.joinedServers(roomId)).has(server)
    for (const eventId of isIn ? [] : eventIds) {
      if (!(await this.#engine.isServerMemberAt(roomId, eventId, server, JOINED))) throw notInRoom()
    }
    await this.requireAllowed(server, roomId)
  }

  async requireAllowed(server: ServerName, roomId: RoomId): Promise<void> {
    if (!(await this.isAllowed(server, roomId))) {
      throw new AnswerError(403, 'M_FORBIDDEN', 'This server is denied by the access control list of the room.')
    }
  }

  async isAllowed(server: ServerName, roomId: RoomId): Promise<boolean> {
    const acl = await currentStateEvent(this.#engine, roomId, 'm.room.server_acl')
    return isAllowedByAcl(acl?.content, server)
  }
}

function notInRoom(): AnswerError {
  return new AnswerError(403, 'M_FORBIDDEN', 'This server is not in the room.')
}
