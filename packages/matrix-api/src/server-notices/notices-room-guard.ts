import type { Call, Endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { RequestGuard } from '../http/request-guard.ts'
import type { RoomReader } from '../ports.ts'
import { roomIdOf } from '../rooms/call-params.ts'
import type { ServerNotices } from './server-notices.ts'

const ROOM = '/_matrix/client/v3/rooms/{roomId}'

/** Ways of saying no to an invite. */
const REFUSALS: Readonly<Record<string, (call: Call) => boolean>> = {
  [`POST ${ROOM}/leave`]: () => true,
  [`PUT ${ROOM}/state/{eventType}/{stateKey}`]: ({ params, body, requester }) =>
    params.eventType === 'm.room.member' && params.stateKey === requester.userId && body.membership === 'leave',
}

/**
 * The invite to the notices room cannot be refused (Client-Server API, "Server Notices"). Who has joined may leave: the next
 * notice asks them in again.
 */
export class NoticesRoomGuard implements RequestGuard {
  readonly #notices: Pick<ServerNotices, 'roomOf'>
  readonly #reader: Pick<RoomReader, 'membership'>

  constructor(deps: {
    readonly notices: Pick<ServerNotices, 'roomOf'>
    readonly reader: Pick<RoomReader, 'membership'>
  }) {
    this.#notices = deps.notices
    this.#reader = deps.reader
  }

  /** Throws 403 `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM`. */
  async permit(call: Call, { method, path }: Endpoint): Promise<void> {
    const name = `${method} ${path}`
    const refuses = Object.hasOwn(REFUSALS, name) ? REFUSALS[name] : undefined
    if (!refuses?.(call)) return
    const { userId } = call.requester
    const roomId = roomIdOf(call)
    if ((await this.#notices.roomOf(userId)) !== roomId) return
    if ((await this.#reader.membership(roomId, userId))?.membership !== 'invite') return
    throw new MatrixError(403, 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM', 'You cannot refuse the notices of your own server')
  }
}
